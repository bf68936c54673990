import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'sallyport_key_';
const SECRET_BYTES = 32;
const CHECKSUM_LENGTH = 7;
const API_KEY = /^sallyport_key_[A-Za-z0-9_-]{43}[0-9a-z]{7}$/;

/**
 * Makes a key: a prefix that secret scanners find, 256 random bits, and a checksum, so that
 * scanners and this server tell a key from something like one without asking anybody.
 */
export function newApiKey(): string {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  return `${PREFIX}${secret}${checksum(secret)}`;
}

/** Whether text has the form of a key, its checksum included. Says nothing of whether it is anybody's. */
export function isApiKey(text: string): boolean {
  if (!API_KEY.test(text)) return false;
  return checksum(text.slice(PREFIX.length, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);
}

/** What is stored of a key: SHA-256, base64url. A key is random, so nothing slower is needed. */
export function hashApiKey(key: string): string {
  return hash('sha256', key, 'base64url');
}

function checksum(secret: string): string {
  return crc32(secret).toString(36).padStart(CHECKSUM_LENGTH, '0');
}

/** What the names of the keys begin with that the CLI makes for one command. */
export const COMMAND_KEY_PREFIX = 'cli-';

/**
 * Who publishes with a key: each API key is a publisher of its own, so that one backend's idempotency keys neither answer nor
 * block another's, and its events push out nobody else's. The keys of the CLI's commands are one, since each lives for one command only.
 */
export function publisherOf(key: { readonly id: string; readonly name: string }): string {
  return key.name.startsWith(COMMAND_KEY_PREFIX) ? 'cli' : key.id;
}
