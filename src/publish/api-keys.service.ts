import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { HTTP_CONFIG } from '../config/config.module.js';
import type { HttpConfig } from '../config/config.js';
import { AuditLog } from '../logging/audit-log.js';
import { hashApiKey, isApiKey, newApiKey } from './api-key.js';
import { type ApiKey, ApiKeyStore } from './api-key.store.js';
import { DEVELOPMENT_KEY_PREFIX } from './development-key.js';

/** How long a live key is believed without asking the store again, in milliseconds: so long may a revoked one still work. */
const BELIEVE_MS = 1_000;
const MAX_BELIEVED = 1_000;

interface Believed {
  readonly key: ApiKey;
  readonly untilMs: number;
}

/** The keys of other backends: made, shown once, verified, revoked. Only their hashes are kept. */
@Injectable()
export class ApiKeys {
  readonly #believed = new Map<string, Believed>();

  constructor(
    private readonly store: ApiKeyStore,
    private readonly audit: AuditLog,
    @Inject(HTTP_CONFIG) private readonly http: HttpConfig,
  ) {}

  /**
   * Makes a key. This is the only time that it can be seen.
   *
   * @returns null when the name is taken
   */
  async create(name: string): Promise<string | null> {
    const key = newApiKey();
    const added = await this.store.add({ id: randomUUID(), name, createdAt: new Date() }, hashApiKey(key));
    if (added) this.audit.record('api-key-created', { by: 'operator', name });
    return added ? key : null;
  }

  /**
   * The key that this text is, or null. A revoked key is null everywhere within a second.
   *
   * @throws UnavailableError when the store is away
   */
  async verify(text: string): Promise<ApiKey | null> {
    if (!isApiKey(text)) return null;
    const hash = hashApiKey(text);
    const believed = this.#believed.get(hash);
    if (believed && believed.untilMs > performance.now()) return believed.key;
    const key = await this.store.find(hash);
    if (!key || (this.http.production && key.name.startsWith(DEVELOPMENT_KEY_PREFIX))) {
      this.#believed.delete(hash);
      return null;
    }
    this.#believe(hash, key);
    return key;
  }

  /** Every key by name, without its secret. */
  list(): Promise<readonly ApiKey[]> {
    return this.store.list();
  }

  /** Revokes the key of this name; false when there is none. */
  async revoke(name: string): Promise<boolean> {
    const revoked = await this.store.remove(name);
    if (revoked) this.audit.record('api-key-revoked', { by: 'operator', name });
    return revoked;
  }

  /** Whether this text was a live key when it was last verified here; it may have been revoked since. Asks nobody. */
  wasRight(text: string): boolean {
    return isApiKey(text) && this.#believed.has(hashApiKey(text));
  }

  #believe(hash: string, key: ApiKey): void {
    if (this.#believed.size >= MAX_BELIEVED) this.#believed.clear();
    this.#believed.set(hash, { key, untilMs: performance.now() + BELIEVE_MS });
  }
}
