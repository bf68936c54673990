import type { Publication, PublishOutcome } from '../../topics/topic.bus.js';

/** The most publications in one statement, and the most memory of calls that are joined in one. */
const BATCH = 1_000;
const JOINED_BYTES = 4 * 1024 * 1024;

interface Call {
  readonly publications: readonly Publication[];
  readonly bytes: number;
  readonly resolve: (outcomes: readonly PublishOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Joins calls that wait for each other: one statement is under way at a time, and the next one takes what has come
 * meanwhile. Statements of one log take turns in PostgreSQL anyway, so this costs no time and saves a commit per call.
 *
 * When a statement fails, everything that waits is rejected too, so nobody waits for a store that hangs once for every
 * statement before theirs.
 */
export class PublishQueue {
  #waiting: Call[] = [];
  #isBusy = false;

  /** @param append publishes at most 1,000, all or none */
  constructor(private readonly append: (batch: readonly Publication[]) => Promise<readonly PublishOutcome[]>) {}

  /** Publishes up to 1,000 publications together, more in several statements. Rejects as `append` does. */
  async publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    if (publications.length === 0) return [];
    if (publications.length <= BATCH) return this.#enqueue(publications);
    const outcomes: PublishOutcome[] = [];
    for (let at = 0; at < publications.length; at += BATCH)
      outcomes.push(...(await this.#enqueue(publications.slice(at, at + BATCH))));
    return outcomes;
  }

  #enqueue(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    return new Promise((resolve, reject) => {
      const bytes = publications.reduce((sum, publication) => sum + (publication.bytes ?? 0), 0);
      this.#waiting.push({ publications, bytes, resolve, reject });
      if (!this.#isBusy) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) await this.#send(this.#nextCalls());
    this.#isBusy = false;
  }

  #nextCalls(): readonly Call[] {
    let [calls, count, together] = [0, 0, 0];
    for (const { publications, bytes } of this.#waiting) {
      count += publications.length;
      together += bytes;
      if (calls > 0 && (count > BATCH || together > JOINED_BYTES)) break;
      calls += 1;
    }
    return this.#waiting.splice(0, calls);
  }

  async #send(calls: readonly Call[]): Promise<void> {
    try {
      const outcomes = await this.append(calls.flatMap(({ publications }) => publications));
      let at = 0;
      for (const { publications, resolve } of calls) resolve(outcomes.slice(at, (at += publications.length)));
    } catch (error) {
      for (const { reject } of [...calls, ...this.#waiting.splice(0)]) reject(error);
    }
  }
}
