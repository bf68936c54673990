import { COMMAND_KEY_PREFIX } from './api-key.js';
import { DEVELOPMENT_KEY_PREFIX } from './development-key.js';

const MAX_NAME_LENGTH = 100;

/** What is wrong with the name of a new key, for its maker; null if nothing is. */
export function faultOfKeyName(name: string): string | null {
  if (name.trim() === '' || name.length > MAX_NAME_LENGTH) return `A name has 1 to ${MAX_NAME_LENGTH} characters.`;
  if (name.startsWith(COMMAND_KEY_PREFIX))
    return `Names that start with ${COMMAND_KEY_PREFIX} belong to keys that commands make for themselves.`;
  if (name.startsWith(DEVELOPMENT_KEY_PREFIX))
    return `Names that start with ${DEVELOPMENT_KEY_PREFIX} belong to keys that production does not take.`;
  return null;
}
