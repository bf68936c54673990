import { createLocalJWKSet, errors, type JSONWebKeySet, type JWSHeaderParameters, type CryptoKey } from 'jose';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { fetchDocument, KeyDocumentError } from './key-document.js';
import type { TrustedIssuer } from '../identity.config.js';

/**
 * How long discovery and keys may take together, in milliseconds, because a socket must be acknowledged within 5 s.
 * Counted in steps, so that a process that was paused reads a response that has arrived before it gives up.
 */
const FETCH_WITHIN_MS = 3_000;
const STEP_MS = 250;
/** From this age on keys are refreshed in the background, in milliseconds. */
const REFRESH_AFTER_MS = 5 * 60_000;
/** From this age on a token waits for the refresh, in milliseconds, so that withdrawn keys are not used for longer. */
const STALE_AFTER_MS = 10 * 60_000;
/** How long known keys are used while the issuer is unavailable, in milliseconds: a day. */
const FORGET_AFTER_MS = 24 * 3_600_000;
/** How soon a failed fetch is retried, in milliseconds: first after 1 s, then after twice as long each time. */
const RETRY_AFTER_MS = 1_000;
const MAX_RETRY_AFTER_MS = 20_000;
/** How soon it is retried if there are known keys, in milliseconds. */
const RETRY_KNOWN_AFTER_MS = 30_000;
/** Fetches that tokens which no known key verifies may cause: two at once, then one in 20 s. */
const SEARCH_BURST = 2;
const SEARCH_EVERY_MS = 20_000;
/** Up to this age keys are not fetched again for a token whose signature they do not verify, in milliseconds. */
const FRESH_MS = 5_000;
const MAX_KEYS = 100;

/** Called after each fetch of keys with null, or why it failed. */
export type FetchListener = (reason: string | null) => void;

interface KnownKeys {
  readonly kids: ReadonlySet<unknown>;
  readonly find: (header: JWSHeaderParameters) => Promise<CryptoKey>;
  /** What `find` has returned: at most one entry for each key and algorithm, and one for each algorithm without `kid`. */
  readonly found: Map<string, CryptoKey>;
  readonly fetchedAtMs: number;
}

/**
 * The public keys of one issuer (RFC 7517), fetched when a token needs them and cached. There is one fetch at a time,
 * and clients cannot trigger fetches at will. Other issuers that are slow or unavailable have no effect here.
 */
export class IssuerKeys {
  #known: KnownKeys | null = null;
  #fetching: Promise<void> | null = null;
  #failedAtMs = -Infinity;
  /** Failures in a row without known keys. */
  #failures = 0;
  #searchBudget = SEARCH_BURST;
  #refilledAtMs = performance.now();
  readonly #closing = new AbortController();

  constructor(
    private readonly issuer: Pick<TrustedIssuer, 'issuer' | 'jwksUri'>,
    private readonly onFetch: FetchListener,
  ) {}

  /**
   * Whether a key that matches a token's header has signed it. If none has, the keys may have changed without a new
   * `kid`: they are fetched again, as seldom as for an unknown one, and tried once more.
   *
   * @param isSignedBy checks the token's signature
   * @throws UnavailableError while no keys are known
   */
  async verify(header: JWSHeaderParameters, isSignedBy: (key: CryptoKey) => boolean): Promise<boolean> {
    if (await this.#verifies(header, isSignedBy)) return true;
    const triedAtMs = Math.max(this.#known?.fetchedAtMs ?? -Infinity, this.#failedAtMs);
    if (performance.now() - triedAtMs < FRESH_MS || !this.#maySearch()) return false;
    await this.#fetch();
    return this.#verifies(header, isSignedBy);
  }

  /**
   * The key that {@link find} has returned for the same `alg` and `kid`, while these keys need no refresh; null
   * otherwise: ask `find`. Costs no promise and no search, which matters when many sockets reconnect.
   */
  recall({ alg, kid }: JWSHeaderParameters): CryptoKey | null {
    const known = this.#known;
    if (!known || performance.now() - known.fetchedAtMs >= REFRESH_AFTER_MS) return null;
    return known.found.get(selectorOf(alg, kid)) ?? null;
  }

  /**
   * The key that verifies a token with this header.
   *
   * @throws UnavailableError while no keys are known
   * @throws one of jose's errors if no key, or more than one, matches
   */
  async find(header: JWSHeaderParameters): Promise<CryptoKey> {
    await this.#freshen();
    let keys = this.#usable();
    if (header.kid !== undefined && !keys.kids.has(header.kid) && this.#maySearch()) {
      await this.#fetch();
      keys = this.#usable();
    }
    const key = await importable(keys.find(header));
    keys.found.set(selectorOf(header.alg, header.kid), key);
    return key;
  }

  /** Fetches keys before the first token. Never throws. */
  async warm(): Promise<void> {
    await this.#fetch();
  }

  /** Aborts the running fetch. */
  close(): void {
    this.#closing.abort();
  }

  async #verifies(header: JWSHeaderParameters, isSignedBy: (key: CryptoKey) => boolean): Promise<boolean> {
    try {
      return isSignedBy(this.recall(header) ?? (await this.find(header)));
    } catch (error) {
      if (error instanceof errors.JOSEError) return false;
      throw error;
    }
  }

  async #freshen(): Promise<void> {
    const nowMs = performance.now();
    const ageMs = nowMs - (this.#known?.fetchedAtMs ?? -Infinity);
    if (ageMs < REFRESH_AFTER_MS) return;
    const retryAfterMs = ageMs < FORGET_AFTER_MS ? RETRY_KNOWN_AFTER_MS : retryAfter(this.#failures);
    if (this.#fetching === null && nowMs - this.#failedAtMs < retryAfterMs) return;
    const fetched = this.#fetch();
    if (ageMs >= STALE_AFTER_MS) await fetched;
  }

  get #areKnown(): boolean {
    return this.#known !== null && performance.now() - this.#known.fetchedAtMs < FORGET_AFTER_MS;
  }

  #usable(): KnownKeys {
    if (this.#known && this.#areKnown) return this.#known;
    throw new UnavailableError('The keys of an issuer are not known.');
  }

  /** Uses one of the fetches that tokens which no key verifies may cause. Callers during a fetch share it. */
  #maySearch(): boolean {
    if (this.#fetching) return true;
    const nowMs = performance.now();
    const refill = Math.floor((nowMs - this.#refilledAtMs) / SEARCH_EVERY_MS);
    if (refill > 0) {
      this.#searchBudget = Math.min(SEARCH_BURST, this.#searchBudget + refill);
      this.#refilledAtMs += refill * SEARCH_EVERY_MS;
    }
    if (this.#searchBudget === 0) return false;
    this.#searchBudget -= 1;
    return true;
  }

  /** Never throws: a failure is reported, and the known keys are kept. */
  #fetch(): Promise<void> {
    return (this.#fetching ??= this.#fetchAndKeep().finally(() => (this.#fetching = null)));
  }

  async #fetchAndKeep(): Promise<void> {
    try {
      this.#known = await this.#fetchKeys();
      this.#failedAtMs = -Infinity;
      this.#failures = 0;
      this.onFetch(null);
    } catch (error) {
      this.#failedAtMs = performance.now();
      if (!this.#areKnown) this.#failures += 1;
      if (!this.#closing.signal.aborted) this.onFetch(error instanceof KeyDocumentError ? error.message : 'unknown');
    }
  }

  async #fetchKeys(): Promise<KnownKeys> {
    const late = new AbortController();
    let stepsLeft = FETCH_WITHIN_MS / STEP_MS;
    const timer = setInterval(() => (stepsLeft -= 1) > 0 || late.abort(), STEP_MS);
    try {
      return await this.#fetchWithin(AbortSignal.any([this.#closing.signal, late.signal]));
    } finally {
      clearInterval(timer);
    }
  }

  async #fetchWithin(signal: AbortSignal): Promise<KnownKeys> {
    const set = await fetchDocument(this.issuer.jwksUri ?? (await this.#discover(signal)), signal);
    const { keys } = set;
    if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw new KeyDocumentError('the response is not a key set');
    try {
      const find = createLocalJWKSet(set as unknown as JSONWebKeySet);
      const kids = new Set(keys.map((key: { readonly kid?: unknown }) => key.kid));
      return { kids, find, found: new Map(), fetchedAtMs: performance.now() };
    } catch (error) {
      throw new KeyDocumentError('the response is not a key set', { cause: error });
    }
  }

  /** OpenID Connect Discovery §4: the document must name the issuer that it was requested from. */
  async #discover(signal: AbortSignal): Promise<string> {
    const base = this.issuer.issuer.replace(/\/$/, '');
    const { issuer, jwks_uri: uri } = await fetchDocument(`${base}/.well-known/openid-configuration`, signal);
    if (issuer !== this.issuer.issuer) throw new KeyDocumentError('the discovery document names another issuer');
    if (typeof uri !== 'string' || !mayNameKeysAt(base, uri))
      throw new KeyDocumentError('the discovery document names no keys');
    return uri;
  }
}

function retryAfter(failures: number): number {
  return Math.min(RETRY_AFTER_MS * 2 ** (failures - 1), MAX_RETRY_AFTER_MS);
}

/** An https issuer's keys must use https too, since unencrypted data can be changed in transit. */
function mayNameKeysAt(issuer: string, uri: string): boolean {
  if (!URL.canParse(uri)) return false;
  const { protocol } = new URL(uri);
  return protocol === 'https:' || (protocol === 'http:' && issuer.startsWith('http:'));
}

/** All that jose looks at to select a key. No algorithm contains a space. */
function selectorOf(alg: string | undefined, kid: string | undefined): string {
  return kid === undefined ? `${alg}` : `${alg} ${kid}`;
}

/** An unreadable key matches no token; this is not a server error. */
function importable<T>(key: Promise<T>): Promise<T> {
  return key.catch((error: unknown) => {
    throw error instanceof errors.JOSEError ? error : new errors.JWKSInvalid('A key cannot be read.', { cause: error });
  });
}
