import type { PostgresConnection } from './postgres.connection.js';

const SWEEP_EVERY_MS = 5_000;
/** What removes expired rows, with the most rows of one statement: short enough to be done within a second. */
const SWEEPS = [
  { statement: 'select sallyport.sweep_log($1) as rows', most: 10_000 },
  { statement: 'select sallyport.sweep_ports($1) as rows', most: 2_000 },
] as const;
/** The most statements in a row for each. */
const MAX_SWEEPS = 20;

/** Removes expired rows every 5 seconds. Of several nodes that try at once, one does. */
export class StoreSweeper {
  readonly #timer = setInterval(() => void this.sweep(), SWEEP_EVERY_MS).unref();
  #sweeping: Promise<void> | null = null;
  #isStopped = false;

  constructor(private readonly postgres: PostgresConnection) {}

  /** Removes what has expired, in bounded batches; a concurrent call waits for the same. Never throws. */
  sweep(): Promise<void> {
    return (this.#sweeping ??= this.#sweepAll().finally(() => (this.#sweeping = null)));
  }

  /** Stops the timer, and waits for the statement under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  async #sweepAll(): Promise<void> {
    try {
      for (const { statement, most } of SWEEPS)
        for (let sweeps = 0; sweeps < MAX_SWEEPS && !this.#isStopped; sweeps += 1) {
          const [row] = await this.postgres.run<{ rows: number }>(statement, [most]);
          if ((row?.rows ?? 0) < most) break;
        }
    } catch {
      // The store is unavailable, which it has reported; the next sweep removes more.
    }
  }
}
