import { dictionary } from '@zxcvbn-ts/language-common';

/** The 49,000 most common passwords, in lower case; from zxcvbn-ts. */
const COMMON: ReadonlySet<string> = new Set(dictionary['passwords-common']);
/** Words of the product, which are easy to guess. */
const PRODUCT_WORDS = ['sallyport'];
/** Shorter parts of an e-mail occur in too many good passwords. */
const SHORTEST_WORD = 4;
/** The characters that must remain besides a name or a product word. */
const MIN_LEFT = 6;
const MOST_TRIMMED = 6;

/**
 * Whether a password of acceptable length is too common: one from the lists of common passwords, a common one with
 * digits around it or repeated, a run along the alphabet or the digits, or a name from the account. Works offline and
 * only checks: the stored password is neither folded nor trimmed.
 *
 * @param email the account's own, normalised
 */
export function isCommonPassword(password: string, email: string): boolean {
  const folded = password.normalize('NFKC').toLowerCase();
  return isListed(folded) || isDull(folded) || isLittleBeside(folded, [...PRODUCT_WORDS, ...wordsOf(email)]);
}

function isListed(folded: string): boolean {
  const repeated = /^(.+?)\1+$/su.exec(folded)?.[1];
  if (COMMON.has(folded) || (repeated !== undefined && (repeated.length <= 4 || COMMON.has(repeated)))) return true;
  const stem = folded.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  const trimmed = folded.replace(stem, '');
  return COMMON.has(stem) && (trimmed.length <= MOST_TRIMMED || COMMON.has(trimmed) || isDull(trimmed));
}

/** Few different characters, or one or two runs: `aaaabbbbcccc`, `123456789012`, `abcdef654321`. */
function isDull(text: string): boolean {
  const points = [...text].map((character) => character.codePointAt(0) ?? 0);
  if (new Set(points).size <= 4) return true;
  let runs = 1;
  let step: number | null = null;
  for (let index = 1; index < points.length; index += 1) {
    const next = (points[index] ?? 0) - (points[index - 1] ?? 0);
    if (Math.abs(next) <= 1 && (step === null || next === step)) step = next;
    else {
      runs += 1;
      step = null;
    }
  }
  return runs <= 2;
}

function wordsOf(email: string): string[] {
  const [local = '', domain = ''] = email.split('@');
  return [email, local, ...local.split(/[^\p{L}\p{N}]+/u), domain, domain.split('.')[0] ?? ''];
}

function isLittleBeside(folded: string, words: readonly string[]): boolean {
  const telling = words.filter((word) => word.length >= SHORTEST_WORD).sort((one, other) => other.length - one.length);
  const left = telling.reduce((rest, word) => rest.replaceAll(word, ''), folded);
  return left !== folded && [...left.replace(/[^\p{L}]/gu, '')].length < MIN_LEFT;
}
