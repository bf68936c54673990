import { createHash, hkdfSync } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { SECRET_CONFIG, type SecretConfig } from '../live.config.js';

const KEY_BYTES = 32;
const MIN_SECRET_BYTES = 32;
const MIN_DIFFERENT_CHARACTERS = 8;

/** Whether a secret is long enough and does not just repeat a few characters. */
export function isLongSecret(secret: string): boolean {
  return Buffer.byteLength(secret) >= MIN_SECRET_BYTES && new Set(secret).size >= MIN_DIFFERENT_CHARACTERS;
}

/** One key, derived for one purpose. */
export interface PurposeKey {
  /** The key's name in a token's header: a short hash of the derived key, so it reveals nothing about the secret. */
  readonly kid: string;
  readonly key: Buffer;
}

/** The keys of one purpose. */
export interface PurposeKeys {
  /** Signs or seals: derived from the first of `SECRET_KEYS`. */
  readonly current: PurposeKey;
  /** Every key that still verifies, the current one first. */
  readonly all: readonly PurposeKey[];
  /** The key with this `kid`, to verify or open; undefined for an unknown one. */
  find(kid: string): PurposeKey | undefined;
}

/**
 * Derives a key per purpose from `SECRET_KEYS` (HKDF-SHA256, RFC 5869), so that a token for one purpose is never valid
 * for another. docs/operations.md says how to rotate keys without refusing valid tokens: a new one is added at the end,
 * moved to the front, and then the old one is removed.
 */
@Injectable()
export class Keyring {
  constructor(@Inject(SECRET_CONFIG) private readonly config: SecretConfig) {}

  /** @param purpose a fixed label such as `socket-token`; each label gives different keys */
  forPurpose(purpose: string): PurposeKeys {
    const keys = this.config.keys.map((secret) => derive(secret, purpose));
    const [current] = keys;
    if (!current) throw new Error('SECRET_KEYS is empty: configuration should have refused that.');
    const byKid = new Map(keys.map((key) => [key.kid, key]));
    return { current, all: keys, find: (kid) => byKid.get(kid) };
  }
}

function derive(secret: string, purpose: string): PurposeKey {
  const key = Buffer.from(hkdfSync('sha256', secret, '', `sallyport ${purpose} v1`, KEY_BYTES));
  const kid = createHash('sha256').update('kid').update(key).digest('base64url').slice(0, 12);
  return { kid, key };
}
