import { hash } from 'node:crypto';
import { IDEMPOTENCY_WINDOW_MS } from '../../topics/topic.bus.js';
import type { Topic } from '../../topics/topic.js';

/** The most keys per publisher and in total on this node; a key takes about 570 bytes. */
export const MAX_KEYS = { ofPublisher: 50_000, together: 100_000 } as const;

/** The outcome of the publication that first used a key. */
export interface UsedKey {
  readonly digest: string;
  readonly cursor: string;
  /** On the monotonic clock. */
  readonly usedAtMs: number;
}

/** In the order of use, so the oldest expires first. */
interface Remembered extends UsedKey {
  readonly hash: string;
  newer: Remembered | null;
}

/**
 * One publisher's keys. A list besides the map, because a map whose first entries were deleted scans over them to find
 * the first.
 */
class KeysOfPublisher {
  readonly #byHash = new Map<string, Remembered>();
  #oldest: Remembered | null = null;
  #newest: Remembered | null = null;
  #size = 0;

  /** How many it stores. One whose event was published again is stored twice until the older one is dropped. */
  get size(): number {
    return this.#size;
  }

  get oldest(): Remembered | null {
    return this.#oldest;
  }

  find(hash: string): Remembered | undefined {
    return this.#byHash.get(hash);
  }

  add(key: Remembered): void {
    this.#byHash.set(key.hash, key);
    this.#size++;
    if (this.#newest) this.#newest.newer = key;
    else this.#oldest = key;
    this.#newest = key;
  }

  dropOldest(): void {
    const oldest = this.#oldest;
    if (!oldest) return;
    this.#size--;
    // Its event may have been published again, which added the key again.
    if (this.#byHash.get(oldest.hash) === oldest) this.#byHash.delete(oldest.hash);
    this.#oldest = oldest.newer;
    if (!this.#oldest) this.#newest = null;
  }
}

/**
 * The idempotency keys of this node, separate for each publisher. A publisher that uses too many loses its oldest; if
 * all publishers together use too many, the one with the most loses its oldest.
 */
export class IdempotencyKeys {
  readonly #publishers = new Map<string, KeysOfPublisher>();
  #count = 0;

  /**
   * @param dropped called for each key that was dropped before it expired
   */
  constructor(
    private readonly dropped: () => void,
    private readonly max: { readonly ofPublisher: number; readonly together: number } = MAX_KEYS,
  ) {}

  /** The internal name of a topic's key, independent of the key's length. */
  static hash(topic: Topic, key: string): string {
    return hash('sha256', `${topic.name}\n${key}`, 'base64url');
  }

  /** The last use of a key that has published its event, within the last 5 minutes. */
  find(publisher: string, hash: string, nowMs: number): UsedKey | null {
    const used = this.#publishers.get(publisher)?.find(hash);
    return used && expiryOf(used) > nowMs ? used : null;
  }

  /** Stores a key whose event was published. */
  add(publisher: string, hash: string, used: UsedKey): void {
    let keys = this.#publishers.get(publisher);
    if (!keys) this.#publishers.set(publisher, (keys = new KeysOfPublisher()));
    this.#expire(keys, used.usedAtMs);
    keys.add({ ...used, hash, newer: null });
    this.#count++;
    if (keys.size > this.max.ofPublisher) this.#dropOldest(keys);
    else if (this.#count > this.max.together) this.#dropOldest(this.#most(keys));
  }

  /** Drops expired keys. Called periodically. */
  sweep(nowMs: number): void {
    for (const [publisher, keys] of this.#publishers) {
      this.#expire(keys, nowMs);
      if (keys.size === 0) this.#publishers.delete(publisher);
    }
  }

  #expire(keys: KeysOfPublisher, nowMs: number): void {
    while (keys.oldest && expiryOf(keys.oldest) <= nowMs) {
      keys.dropOldest();
      this.#count--;
    }
  }

  #dropOldest(keys: KeysOfPublisher): void {
    keys.dropOldest();
    this.#count--;
    this.dropped();
  }

  #most(keys: KeysOfPublisher): KeysOfPublisher {
    let most = keys;
    for (const other of this.#publishers.values()) if (other.size > most.size) most = other;
    return most;
  }
}

function expiryOf({ usedAtMs }: UsedKey): number {
  return usedAtMs + IDEMPOTENCY_WINDOW_MS;
}
