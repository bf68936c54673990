import {
  BUCKET_SIZE,
  FREE_GUESSES,
  GuessCounter,
  type GuessVerdict,
  MAX_RESERVATIONS,
  networkName,
  placeOf,
  RESERVATION_MS,
  REMEMBER_MS,
  waitAfterMs,
} from '../../rate-limit/guess-counter.js';

interface Guesses {
  count: number;
  /** Until when guesses are refused. */
  blockedUntilMs: number;
  touchedAtMs: number;
  /** By network: from when on a reserved attempt is allowed although guesses are refused. */
  readonly reservations: Map<string, number>;
}

type Bucket = Map<string, Guesses>;

/** The counter of one process: used without a shared store, and on each node while that is unavailable. */
export class MemoryGuessCounter extends GuessCounter {
  readonly #buckets = new Map<number, Bucket>();

  override async reserve(subject: string, network: string): Promise<GuessVerdict> {
    const nowMs = performance.now();
    const guesses = this.#find(subject, nowMs) ?? this.#add(subject, nowMs);
    return pass(guesses, networkName(network), nowMs);
  }

  override async wrong(subject: string, count: number): Promise<void> {
    const nowMs = performance.now();
    const guesses = this.#find(subject, nowMs);
    if (guesses) guesses.blockedUntilMs = Math.max(guesses.blockedUntilMs, nowMs + waitAfterMs(count));
  }

  override async right(subject: string): Promise<void> {
    const { bucket, name } = placeOf(subject);
    this.#buckets.get(bucket)?.delete(name);
  }

  override async cancel(subject: string, count: number): Promise<void> {
    const guesses = this.#find(subject, performance.now());
    if (!guesses) return;
    guesses.count -= 1;
    if (count > FREE_GUESSES) guesses.blockedUntilMs = 0;
    if (guesses.count <= 0) await this.right(subject);
  }

  #find(subject: string, nowMs: number): Guesses | null {
    const { bucket, name } = placeOf(subject);
    const guesses = this.#buckets.get(bucket)?.get(name);
    return guesses && guesses.touchedAtMs + REMEMBER_MS > nowMs ? guesses : null;
  }

  #add(subject: string, nowMs: number): Guesses {
    const { bucket: index, name } = placeOf(subject);
    let bucket = this.#buckets.get(index);
    if (!bucket) this.#buckets.set(index, (bucket = new Map<string, Guesses>()));
    if (bucket.size >= BUCKET_SIZE && !bucket.has(name)) forgetOne(bucket, nowMs);
    const guesses = { count: 0, blockedUntilMs: 0, touchedAtMs: nowMs, reservations: new Map<string, number>() };
    bucket.set(name, guesses);
    return guesses;
  }
}

function pass(guesses: Guesses, network: string, nowMs: number): GuessVerdict {
  const reservedUntilMs = reservedAt(guesses, network, nowMs);
  if (guesses.blockedUntilMs > nowMs && (reservedUntilMs === null || reservedUntilMs > nowMs)) {
    const opensAtMs = reservedUntilMs ?? guesses.blockedUntilMs;
    if (reservedUntilMs === null && guesses.reservations.size < MAX_RESERVATIONS) {
      guesses.reservations.set(network, opensAtMs);
      guesses.touchedAtMs = nowMs;
    }
    return { ok: false, waitMs: opensAtMs - nowMs };
  }
  guesses.reservations.delete(network);
  guesses.count += 1;
  guesses.touchedAtMs = nowMs;
  guesses.blockedUntilMs = Math.max(guesses.blockedUntilMs, nowMs + waitAfterMs(guesses.count));
  return { ok: true, count: guesses.count };
}

function reservedAt({ reservations }: Guesses, network: string, nowMs: number): number | null {
  for (const [other, atMs] of reservations) if (atMs + RESERVATION_MS <= nowMs) reservations.delete(other);
  return reservations.get(network) ?? null;
}

/** Makes room: drops an expired subject, else the one with the fewest guesses, among these the least recently used. */
function forgetOne(bucket: Bucket, nowMs: number): void {
  let least: { readonly name: string; readonly weight: number; readonly touchedAtMs: number } | null = null;
  for (const [name, { count, touchedAtMs }] of bucket) {
    const weight = touchedAtMs + REMEMBER_MS <= nowMs ? 0 : count;
    if (!least || weight < least.weight || (weight === least.weight && touchedAtMs < least.touchedAtMs))
      least = { name, weight, touchedAtMs };
  }
  if (least) bucket.delete(least.name);
}
