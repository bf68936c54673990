import { BadUserInputError } from '../../live/errors/sallyport.errors.js';
import { isCommonPassword } from './common-password.js';

const MIN_LENGTH = 12;
const MAX_LENGTH = 128;
/** The most UTF-16 units of 128 characters; longer text is refused before its characters are counted. */
const MAX_UNITS = 2 * MAX_LENGTH;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Refuses text that cannot be a password, before any hashing. Used when a password is presented: it reveals nothing
 * about the account, and a megabyte costs nothing.
 *
 * @throws BadUserInputError naming `field`
 */
export function requirePresentable(password: string, field: string): void {
  if (password.length > MAX_UNITS || [...password].length > MAX_LENGTH) {
    throw new BadUserInputError(field, `A password has at most ${MAX_LENGTH} characters.`);
  }
}

/**
 * Refuses a new password that breaks the rules: 12 to 128 characters, of any kind, neither trimmed nor folded, and not
 * a common password.
 *
 * @param email the account's own, normalised
 * @throws BadUserInputError naming `field`
 */
export function requireAcceptable(password: string, email: string, field: string): void {
  requirePresentable(password, field);
  if ([...password].length < MIN_LENGTH) {
    throw new BadUserInputError(field, `A password has at least ${MIN_LENGTH} characters: a sentence is a good one.`);
  }
  if (LONE_SURROGATE.test(password)) {
    throw new BadUserInputError(field, 'This password contains an incomplete character (an unpaired surrogate).');
  }
  if (isCommonPassword(password, email)) {
    throw new BadUserInputError(field, 'This password is too common. Choose another one.');
  }
}
