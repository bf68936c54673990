import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { within } from '../../live/deadline.js';
import { HTTP_CONFIG, type HttpConfig } from '../identity.config.js';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { hashApiKey, isApiKey, newApiKey } from './api-key.js';
import { type ApiKey, ApiKeyStore } from './api-key.store.js';
import { type ApiKeyScope, DEFAULT_SCOPES } from './api-key-scopes.js';
import { DEVELOPMENT_KEY_PREFIX } from './development-key.js';

/** How long a valid key is cached, in milliseconds; a revoked key may work for this long. */
const BELIEVE_MS = 1_000;
/** How long a valid key is accepted while the store is unavailable, in milliseconds, so that publishing continues. */
const TRUST_MS = 60_000;
/** How long a request with a previously valid key waits for a store that may hang, in milliseconds. */
const PATIENCE_MS = 500;
const MAX_BELIEVED = 1_000;

interface Believed {
  readonly key: ApiKey;
  /** When the store last confirmed it, on the monotonic clock. */
  readonly askedAtMs: number;
}

/** A pending lookup in the store. */
interface Asking {
  readonly answer: Promise<ApiKey | null>;
  readonly sinceMs: number;
}

/** The API keys of other backends: creates, verifies, lists and revokes them. Only their hashes are stored. */
@Injectable()
export class ApiKeys {
  readonly #believed = new LRUCache<string, Believed>({ max: MAX_BELIEVED });
  /** One lookup per key, shared by all requests that wait for it. */
  readonly #asking = new Map<string, Asking>();

  constructor(
    private readonly store: ApiKeyStore,
    private readonly audit: AuditLog,
    @Inject(HTTP_CONFIG) private readonly http: HttpConfig,
  ) {}

  /**
   * Creates a key. It is returned only here.
   *
   * @param scopes default: publish to every topic
   * @returns null when the name is taken
   */
  async create(name: string, scopes: readonly ApiKeyScope[] = DEFAULT_SCOPES): Promise<string | null> {
    const key = newApiKey();
    const added = await this.store.add({ id: randomUUID(), name, createdAt: new Date(), scopes }, hashApiKey(key));
    if (added) this.audit.record('api-key-created', { by: 'operator', name });
    return added ? key : null;
  }

  /**
   * The key for this text, or null. A revoked key becomes null on every node within a second; while the store is
   * unavailable or hangs, within a minute of its last verification.
   *
   * @throws UnavailableError when the store is unavailable and the key was not verified within the last minute
   */
  async verify(text: string): Promise<ApiKey | null> {
    if (!isApiKey(text)) return null;
    const hash = hashApiKey(text);
    const believed = this.#believed.get(hash);
    const ageMs = performance.now() - (believed?.askedAtMs ?? -Infinity);
    if (believed && ageMs < BELIEVE_MS) return believed.key;
    const asking = this.#ask(hash);
    if (!believed || ageMs > TRUST_MS) return asking.answer;
    const answered = await inTime(asking);
    return answered === 'unknown' ? believed.key : answered;
  }

  /** All keys, sorted by name, without their secrets. */
  list(): Promise<readonly ApiKey[]> {
    return this.store.list();
  }

  /** Revokes the key with this name; false if there is none. */
  async revoke(name: string): Promise<boolean> {
    const revoked = await this.store.remove(name);
    if (revoked) this.audit.record('api-key-revoked', { by: 'operator', name });
    return revoked;
  }

  /**
   * Whether this text was a valid key when it was last verified here; it may have been revoked since. Uses the cache
   * only.
   */
  wasRight(text: string): boolean {
    return isApiKey(text) && this.#believed.has(hashApiKey(text));
  }

  #ask(hash: string): Asking {
    const known = this.#asking.get(hash);
    if (known) return known;
    const asking = { answer: this.#find(hash).finally(() => this.#asking.delete(hash)), sinceMs: performance.now() };
    // Waiting callers get the failure; without callers it can be ignored.
    asking.answer.catch(() => {});
    this.#asking.set(hash, asking);
    return asking;
  }

  async #find(hash: string): Promise<ApiKey | null> {
    const key = await this.store.find(hash);
    const live = key && !(this.http.production && key.name.startsWith(DEVELOPMENT_KEY_PREFIX)) ? key : null;
    if (live) this.#believed.set(hash, { key: live, askedAtMs: performance.now() });
    else this.#believed.delete(hash);
    return live;
  }
}

/** The store's answer, or that it has none because it is unavailable or too slow. */
async function inTime({ answer, sinceMs }: Asking): Promise<ApiKey | null | 'unknown'> {
  const known = answer.catch((error: unknown) => {
    if (error instanceof UnavailableError) return 'unknown' as const;
    throw error;
  });
  return within(Math.max(0, sinceMs + PATIENCE_MS - performance.now()), known, 'unknown' as const);
}
