import { COMMAND_KEY_PREFIX } from './api-key.js';
import { DEVELOPMENT_KEY_PREFIX } from './development-key.js';

const MAX_NAME_LENGTH = 100;
/** Control characters and unpaired surrogates: the database refuses or changes them. */
const UNSTORABLE = /[\p{Control}\p{Surrogate}]/u;

/** What is wrong with the name of a new key, for its maker; null if nothing is. */
export function faultOfKeyName(name: string): string | null {
  if (name.trim() === '' || name.length > MAX_NAME_LENGTH) return `A name has 1 to ${MAX_NAME_LENGTH} characters.`;
  if (UNSTORABLE.test(name))
    return 'A name must not contain line breaks, tabs, other control characters or unpaired surrogates.';
  if (name.startsWith(COMMAND_KEY_PREFIX))
    return `Names that start with ${COMMAND_KEY_PREFIX} belong to keys that commands make for themselves.`;
  if (name.startsWith(DEVELOPMENT_KEY_PREFIX))
    return `Names that start with ${DEVELOPMENT_KEY_PREFIX} belong to keys that production does not accept.`;
  return null;
}
