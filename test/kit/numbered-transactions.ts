import type { Random } from './random.js';
import { SqlPublisher } from './sql-publisher.js';

/** How a feed's payload carries a number. */
export interface NumberedFeed {
  readonly topic: string;
  readonly viewers: readonly string[];
  payload(text: string): unknown;
}

/**
 * Several backends that publish 1, 2, 3 … to every viewer by SQL, in transactions of different sizes, some of which are
 * rolled back.
 */
export class NumberedTransactions {
  readonly #names: readonly string[];
  /** The last number of each publisher for each viewer. */
  readonly #numbers = new Map<string, Map<string, number>>();

  constructor(
    private readonly url: string,
    private readonly feed: NumberedFeed,
    private readonly random: Random,
    publishers: number,
  ) {
    this.#names = Array.from({ length: publishers }, (_, index) => String.fromCharCode(97 + index));
  }

  /**
   * Publishes at least this many more events and returns their number.
   *
   * @param largest the most events in one transaction
   */
  async run(events: number, largest: number): Promise<number> {
    const each = Math.ceil(events / this.#names.length);
    const counts = await Promise.all(this.#names.map((name) => this.#publish(name, each, largest)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Returns what is wrong with the events a viewer received, or null: each publisher's numbers must be in order,
   * without gaps or duplicates.
   */
  fault(viewer: string, arrived: readonly string[]): string | null {
    const last = new Map(this.#names.map((name) => [name, 0]));
    for (const text of arrived) {
      const [name = '', number] = text.split(' ');
      const expected = (last.get(name) ?? NaN) + 1;
      if (Number(number) !== expected) return `${viewer}: ${text} arrived, not ${name} ${expected}`;
      last.set(name, expected);
    }
    return null;
  }

  async #publish(name: string, events: number, largest: number): Promise<number> {
    const { topic, viewers, payload } = this.feed;
    const sql = await SqlPublisher.connect(this.url);
    const numbers = this.#numbers.get(name) ?? new Map<string, number>();
    this.#numbers.set(name, numbers);
    let published = 0;
    while (published < events) {
      const size = 1 + this.random.below(largest);
      const isRolledBack = this.random.chance(0.1);
      const before = new Map(numbers);
      const batch = Array.from({ length: size }, () => {
        const viewer = this.random.pick(viewers);
        const number = (numbers.get(viewer) ?? 0) + 1;
        numbers.set(viewer, number);
        return { topic, viewer, payload: payload(`${name} ${number}`) };
      });
      await sql.run('begin');
      if (size < 4) for (const event of batch) await sql.publish(event);
      else await sql.publishMany(batch);
      await sql.run(isRolledBack ? 'rollback' : 'commit');
      if (isRolledBack) for (const viewer of viewers) numbers.set(viewer, before.get(viewer) ?? 0);
      else published += size;
    }
    await sql.close();
    return published;
  }
}
