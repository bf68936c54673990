import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { EventPublisher } from '../../live/publish/published-event.js';
import type { ApiKey } from './api-key.store.js';
import { mayPublish } from './api-key-scopes.js';

const PREFIX = 'sallyport_key_';
const SECRET_BYTES = 32;
const CHECKSUM_LENGTH = 7;
const API_KEY = /^sallyport_key_[A-Za-z0-9_-]{43}[0-9a-z]{7}$/;

/** The most addresses and ranges that one key may be limited to. */
export const MAX_KEY_ADDRESSES = 50;
/** The longest time until a key expires, in days: ten years. */
export const MAX_KEY_DAYS = 3_653;

/**
 * Generates a key: a prefix that secret scanners find, 256 random bits, and a checksum, so that scanners and this
 * server can recognise a key without a lookup.
 */
export function newApiKey(): string {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  return `${PREFIX}${secret}${checksum(secret)}`;
}

/** Whether text has the form of a key, its checksum included. Does not check whether the key exists. */
export function isApiKey(text: string): boolean {
  if (!API_KEY.test(text)) return false;
  return checksum(text.slice(PREFIX.length, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);
}

/** The stored hash of a key: SHA-256, base64url. A key is random, so a slow hash is not needed. */
export function hashApiKey(key: string): string {
  return hash('sha256', key, 'base64url');
}

function checksum(secret: string): string {
  return crc32(secret).toString(36).padStart(CHECKSUM_LENGTH, '0');
}

/** The name prefix of keys that the CLI creates for one command. */
export const COMMAND_KEY_PREFIX = 'cli-';

/**
 * The publisher of a key: each API key is a separate publisher, so that one backend's idempotency keys do not affect
 * another's, and its events do not displace another's. The keys of CLI commands count as one publisher, since each
 * exists for one command only.
 */
export function publisherOf({ id, name, scopes }: Pick<ApiKey, 'id' | 'name' | 'scopes'>): EventPublisher {
  return {
    id: name.startsWith(COMMAND_KEY_PREFIX) ? 'cli' : id,
    mayPublish: (topic) => mayPublish(scopes, topic),
  };
}
