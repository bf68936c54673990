import { domainToASCII } from 'node:url';
import { BadUserInputError } from '../../live/errors/sallyport.errors.js';

/** RFC 5321 §4.5.3.1.3: a path may have 256 octets with its angle brackets. */
const MAX_EMAIL_LENGTH = 254;
/** RFC 5321 §4.5.3.1.1. */
const MAX_LOCAL_LENGTH = 64;
/** The HTML standard's "valid e-mail address", with letters of every script (RFC 6531). */
const LOCAL_PART = /^[\p{L}\p{M}\p{N}.!#$%&'*+/=?^_`{|}~-]+$/u;
/**
 * Invisible characters and those that change the text direction, with which two e-mails could look alike (UTS #39
 * §3.1).
 */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}]/u;
/** What `domainToASCII` reads as the end of a domain, decodes, or drops. */
const NOT_IN_DOMAINS = /[/?#\\%\s]/;
const DOMAIN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

/**
 * The canonical spelling under which an e-mail is stored and looked up: compatibility forms folded (NFKC), trimmed,
 * lower case, the domain in ASCII. It is normalised before it is checked, so that no spelling evades the rules.
 * Invisible characters are refused, not dropped, since they are never intended.
 *
 * @returns null if it is not an e-mail address
 */
export function normalizeEmail(text: string): string | null {
  if (text.length > 4 * MAX_EMAIL_LENGTH) return null;
  // Before folding, because IDNA drops some of them from a domain.
  if (INVISIBLE.test(text)) return null;
  const folded = text.normalize('NFKC').trim().toLowerCase().normalize('NFKC');
  const at = folded.lastIndexOf('@');
  const local = folded.slice(0, at);
  const written = folded.slice(at + 1);
  if (NOT_IN_DOMAINS.test(written)) return null;
  const domain = domainToASCII(written);
  if (at < 1 || Buffer.byteLength(local) > MAX_LOCAL_LENGTH || !LOCAL_PART.test(local) || !DOMAIN.test(domain))
    return null;
  const email = `${local}@${domain}`;
  return Buffer.byteLength(email) <= MAX_EMAIL_LENGTH ? email : null;
}

/**
 * {@link normalizeEmail} for an argument.
 *
 * @throws BadUserInputError naming `email`
 */
export function requireEmail(text: string): string {
  const email = normalizeEmail(text);
  if (email === null) {
    throw new BadUserInputError('email', `This is not an e-mail address of at most ${MAX_EMAIL_LENGTH} characters.`);
  }
  return email;
}
