import { dictionary } from '@zxcvbn-ts/language-common';

/** The fewest bits of a random key. 16 random bytes in hex have 128; chance patterns reduce this by up to 20. */
const MIN_BITS = 96;
/**
 * Letters of one case and spaces count as text: Shannon found 1 to 1.5 bits per letter (Prediction and Entropy of
 * Printed English).
 */
const TEXT_BITS = 1.5;
/** The bits for guessing a word of the list, or the position of a repeat. */
const WORD_BITS = 11;
const REPEAT_BITS = 8;
const SEQUENCE_BITS = 8;
const SHORTEST_PATTERN = 4;
const LONGEST_WORD = 16;
/** The part of a key that is checked, in characters; longer keys are checked by their beginning. */
const JUDGED_CHARACTERS = 256;
const ROWS = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm', '1234567890', 'abcdefghijklmnopqrstuvwxyz'];
const SEQUENCES = ROWS.flatMap((row) => [row, [...row].reverse().join('')]);
const LETTER_OF: Readonly<Record<string, string>> = {
  0: 'o',
  1: 'i',
  3: 'e',
  4: 'a',
  5: 's',
  7: 't',
  '@': 'a',
  $: 's',
};

/**
 * Whether a secret looks random: its shortest description by words, repeats, keyboard rows and single characters is
 * long enough, and less than half of it consists of the first three. Random bytes in hex or base64 pass from 16 bytes
 * on.
 */
export function looksRandom(secret: string): boolean {
  const text = secret.slice(0, JUDGED_CHARACTERS);
  const { bits, patterned } = describeText(text);
  return bits >= MIN_BITS && patterned * 2 < text.length;
}

interface Description {
  readonly bits: number;
  /** The number of characters in words, repeats and sequences. */
  readonly patterned: number;
}

/** The shortest description of each prefix of the text, from the shortest on. */
function describeText(text: string): Description {
  const words = wordList();
  const perCharacter = bitsPerCharacter(text);
  const best: Description[] = [{ bits: 0, patterned: 0 }];
  for (let end = 1; end <= text.length; end += 1) {
    let cheapest = extend(best[end - 1], perCharacter, 0);
    for (let length = SHORTEST_PATTERN; length <= end; length += 1) {
      const cost = patternBits(text, end - length, end, words);
      // Except for words, a part of a pattern is a pattern too, so beyond the longest word the search can stop at the
      // first miss.
      if (cost === null && length > LONGEST_WORD) break;
      if (cost === null) continue;
      const candidate = extend(best[end - length], cost, length);
      if (candidate.bits < cheapest.bits) cheapest = candidate;
    }
    best.push(cheapest);
  }
  return best.at(-1) ?? { bits: 0, patterned: 0 };
}

function extend(before: Description | undefined, bits: number, patterned: number): Description {
  return { bits: (before?.bits ?? 0) + bits, patterned: (before?.patterned ?? 0) + patterned };
}

function patternBits(text: string, start: number, end: number, words: ReadonlySet<string>): number | null {
  const part = text.slice(start, end);
  const lower = part.toLowerCase();
  if (SEQUENCES.some((row) => row.includes(lower))) return SEQUENCE_BITS;
  if (text.indexOf(part) < start) return REPEAT_BITS;
  const word = lower.replace(/[-_. ]$/, '');
  const spelled = word.replaceAll(/[013457@$]/g, (sign) => LETTER_OF[sign] ?? sign);
  return [word, spelled, spelled.replace(/s$/, '')].some((form) => words.has(form)) ? WORD_BITS : null;
}

function bitsPerCharacter(text: string): number {
  if (/^(?:[0-9a-f]*|[0-9A-F]*)$/.test(text)) return 4;
  if (/^(?:[a-z\W_]*|[A-Z\W_]*)$/.test(text)) return TEXT_BITS;
  const classes: [RegExp, number][] = [
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/[0-9]/, 10],
    [/[^a-zA-Z0-9]/, 2],
  ];
  return Math.log2(classes.reduce((size, [pattern, count]) => size + (pattern.test(text) ? count : 0), 0));
}

let list: ReadonlySet<string> | undefined;

/** Common passwords and diceware words: these include most words of everyday English. */
function wordList(): ReadonlySet<string> {
  return (list ??= new Set(
    Object.values(dictionary)
      .flat()
      .map((word) => word.toLowerCase())
      .filter((word) => word.length >= SHORTEST_PATTERN && word.length <= LONGEST_WORD),
  ));
}
