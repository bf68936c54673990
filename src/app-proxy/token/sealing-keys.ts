import { hkdfSync } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { SECRET_CONFIG } from '../../config/config.module.js';
import type { SecretConfig } from '../../config/config.js';

/** The keys that one of `SECRET_KEYS` gives for customers' tokens. */
export interface SealingKey {
  /** Names the key in a token's header; tells nothing of it. */
  readonly kid: string;
  /** 256 bits for A256GCM. */
  readonly seal: Uint8Array;
  /** 256 bits for the keyed hashes of address and user agent. */
  readonly bind: Uint8Array;
}

/** The sealing keys: the first of `SECRET_KEYS` seals, every one opens. Each purpose has its own key by HKDF (RFC 5869). */
@Injectable()
export class SealingKeys {
  readonly current: SealingKey;
  readonly #byKid: ReadonlyMap<string, SealingKey>;

  constructor(@Inject(SECRET_CONFIG) config: SecretConfig) {
    const keys = config.keys.map(deriveKeys);
    this.#byKid = new Map(keys.map((key) => [key.kid, key]));
    const [current] = keys;
    if (!current) throw new Error('SECRET_KEYS is empty: nothing can be sealed.');
    this.current = current;
  }

  /** The key of a token's header, or undefined where `SECRET_KEYS` does not hold it (any more). */
  find(kid: unknown): SealingKey | undefined {
    return typeof kid === 'string' ? this.#byKid.get(kid) : undefined;
  }
}

function deriveKeys(secret: string): SealingKey {
  const derive = (purpose: string, length: number) =>
    Buffer.from(hkdfSync('sha256', secret, '', `sallyport/customer-token/v1/${purpose}`, length));
  return { kid: derive('kid', 6).toString('base64url'), seal: derive('seal', 32), bind: derive('bind', 32) };
}
