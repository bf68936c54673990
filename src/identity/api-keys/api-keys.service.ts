import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { within } from '../../live/deadline.js';
import { HTTP_CONFIG, type HttpConfig } from '../identity.config.js';
import { ForbiddenError, UnavailableError } from '../../live/errors/sallyport.errors.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { type AddressRange, addressIn, parseAddressRanges } from '../../live/viewer/client-address.js';
import { hashApiKey, isApiKey, newApiKey } from './api-key.js';
import { type ApiKey, ApiKeyStore, type ListedApiKey } from './api-key.store.js';
import { type ApiKeyScope, DEFAULT_SCOPES } from './api-key-scopes.js';
import { DEVELOPMENT_KEY_PREFIX } from './development-key.js';

/** How long a valid key is cached, in milliseconds; a revoked key may work for this long. */
const FRESH_MS = 1_000;
/** How long a valid key is accepted while the store is unavailable, in milliseconds, so that publishing continues. */
const MAX_STALE_MS = 60_000;
/** How long a request with a previously valid key waits for a store that may hang, in milliseconds. */
const QUERY_TIMEOUT_MS = 500;
const MAX_CACHED = 1_000;
/** How often this node records that a key is used, in milliseconds. */
const RECORD_USE_EVERY_MS = 60_000;

/** Restrictions of a key besides its scopes. */
export interface ApiKeyLimits {
  /** When it stops working. Default: never. */
  readonly expiresAt?: Date | null;
  /** The addresses and ranges that may use it, valid for `parseAddressRange`. Default: every address. */
  readonly addresses?: readonly string[] | null;
}

/** Who creates or revokes a key. Empty: an operator with the CLI. */
export interface KeyActor {
  readonly operator?: string;
  readonly address?: string;
}

/** Why a key is refused: for the audit log only, since the caller learns nothing of it. */
export type ApiKeyFault = 'missing' | 'malformed' | 'unknown-or-revoked' | 'expired' | 'other-address';

/** The outcome of {@link ApiKeys.verify}. The name is given only with the right key. */
export type ApiKeyVerdict =
  | { readonly ok: true; readonly key: ApiKey }
  | { readonly ok: false; readonly reason: ApiKeyFault; readonly name?: string };

interface CachedKey {
  readonly key: ApiKey;
  /** {@link ApiKey.addresses}, parsed. */
  readonly ranges: readonly AddressRange[] | null;
  /** When the store last confirmed it, on the monotonic clock. */
  readonly askedAtMs: number;
}

/** A pending lookup in the store. */
interface PendingQuery {
  readonly answer: Promise<CachedKey | null>;
  readonly sinceMs: number;
}

/** The API keys of other backends: creates, verifies, lists and revokes them. Only their hashes are stored. */
@Injectable()
export class ApiKeys {
  readonly #cache = new LRUCache<string, CachedKey>({ max: MAX_CACHED });
  /** When this node last recorded a use, by the key's id, on the monotonic clock. */
  readonly #recordedMs = new LRUCache<string, number>({ max: MAX_CACHED });
  /** One lookup per key, shared by all requests that wait for it. */
  readonly #pending = new Map<string, PendingQuery>();

  constructor(
    private readonly store: ApiKeyStore,
    private readonly audit: AuditLog,
    @Inject(HTTP_CONFIG) private readonly http: HttpConfig,
  ) {}

  /**
   * Creates a key. It is returned only here.
   *
   * @param scopes default: publish to every topic
   * @param actor who makes it, for the audit log. Default: an operator with the CLI
   * @returns null when the name is taken
   */
  async create(
    name: string,
    scopes: readonly ApiKeyScope[] = DEFAULT_SCOPES,
    { expiresAt = null, addresses = null }: ApiKeyLimits = {},
    actor: KeyActor = {},
  ): Promise<string | null> {
    const key = newApiKey();
    const created = { id: randomUUID(), name, createdAt: new Date(), scopes, expiresAt, addresses };
    const added = await this.store.add(created, hashApiKey(key));
    if (added) this.audit.record('api-key-created', { by: 'operator', name, ...actor });
    return added ? key : null;
  }

  /**
   * Verifies the text of a key that is used from an address. A revoked key is refused on every node within a second;
   * while the store is unavailable or hangs, within a minute of its last verification.
   *
   * @throws UnavailableError when the store is unavailable and the key was not verified within the last minute
   */
  async verify(text: string, address: string): Promise<ApiKeyVerdict> {
    if (text === '') return { ok: false, reason: 'missing' };
    if (!isApiKey(text)) return { ok: false, reason: 'malformed' };
    const cached = await this.#confirmed(hashApiKey(text));
    if (!cached) return { ok: false, reason: 'unknown-or-revoked' };
    const { key } = cached;
    const fault = keyFault(cached.key, cached.ranges, address);
    if (fault) return { ok: false, reason: fault, name: key.name };
    this.#recordUse(key);
    return { ok: true, key };
  }

  /** Records that a key lacks the scope for a request; returns the error to throw. */
  outOfScope({ name }: ApiKey, scope: string, address: string): ForbiddenError {
    this.audit.record('api-key-refused', { address, reason: 'out-of-scope', name });
    return new ForbiddenError(`This key lacks the scope ${scope}.`);
  }

  /** All keys, sorted by name, without their secrets. */
  list(): Promise<readonly ListedApiKey[]> {
    return this.store.list();
  }

  /** The sources of all keys' tokens, revoked keys included: see {@link ApiKeyStore.tokenSources}. */
  tokenSources(): Promise<readonly string[]> {
    return this.store.tokenSources();
  }

  /** The keys whose names sort after this one, at most `limit`. */
  page(after: string, limit: number): Promise<readonly ListedApiKey[]> {
    return this.store.page(after, limit);
  }

  /** Revokes the key with this name; false if there is none. @param actor as for {@link create} */
  async revoke(name: string, actor: KeyActor = {}): Promise<boolean> {
    const revoked = await this.store.remove(name);
    if (revoked) this.audit.record('api-key-revoked', { by: 'operator', name, ...actor });
    return revoked;
  }

  /**
   * Whether this text was a valid key for this address when it was last verified here; it may have been revoked since.
   * Uses the cache only.
   */
  wasValid(text: string, address: string): boolean {
    const cached = isApiKey(text) ? this.#cache.get(hashApiKey(text)) : undefined;
    return cached !== undefined && keyFault(cached.key, cached.ranges, address) === null;
  }

  /** The key with this hash if it exists, as far as the store can tell in time. */
  async #confirmed(hash: string): Promise<CachedKey | null> {
    const cached = this.#cache.get(hash);
    const ageMs = performance.now() - (cached?.askedAtMs ?? -Infinity);
    if (cached && ageMs < FRESH_MS) return cached;
    const pending = this.#ask(hash);
    if (!cached || ageMs > MAX_STALE_MS) return pending.answer;
    const answered = await inTime(pending);
    return answered === 'unknown' ? cached : answered;
  }

  #ask(hash: string): PendingQuery {
    const known = this.#pending.get(hash);
    if (known) return known;
    const pending = { answer: this.#find(hash).finally(() => this.#pending.delete(hash)), sinceMs: performance.now() };
    // Waiting callers get the failure; without callers it can be ignored.
    pending.answer.catch(() => {});
    this.#pending.set(hash, pending);
    return pending;
  }

  async #find(hash: string): Promise<CachedKey | null> {
    const key = await this.store.find(hash);
    if (!key || (this.http.production && key.name.startsWith(DEVELOPMENT_KEY_PREFIX))) {
      this.#cache.delete(hash);
      return null;
    }
    const cached = {
      key,
      ranges: key.addresses && parseAddressRanges(key.addresses),
      askedAtMs: performance.now(),
    };
    this.#cache.set(hash, cached);
    return cached;
  }

  /** Nobody waits for this, and nothing depends on it: a failed write is tried again with a later use. */
  #recordUse({ id }: ApiKey): void {
    const nowMs = performance.now();
    if (nowMs - (this.#recordedMs.get(id) ?? -Infinity) < RECORD_USE_EVERY_MS) return;
    this.#recordedMs.set(id, nowMs);
    this.store.use(id, new Date()).catch(() => {});
  }
}

/** Why a known key may not be used now from this address; null if it may. */
export function keyFault(
  { expiresAt }: ApiKey,
  ranges: readonly AddressRange[] | null,
  address: string,
): 'expired' | 'other-address' | null {
  if (expiresAt !== null && expiresAt.getTime() <= Date.now()) return 'expired';
  return ranges === null || addressIn(address, ranges) ? null : 'other-address';
}

/** The store's answer, or that it has none because it is unavailable or too slow. */
async function inTime({ answer, sinceMs }: PendingQuery): Promise<CachedKey | null | 'unknown'> {
  const known = answer.catch((error: unknown) => {
    if (error instanceof UnavailableError) return 'unknown' as const;
    throw error;
  });
  return within(Math.max(0, sinceMs + QUERY_TIMEOUT_MS - performance.now()), known, 'unknown' as const);
}
