import { UnavailableError } from '../../errors/sallyport.errors.js';
import { GuessCounter, type GuessVerdict, networkName, placeOf } from '../../rate-limit/guess-counter.js';
import { MemoryGuessCounter } from '../memory/guess-counter.memory.js';
import type { PostgresConnection } from './postgres.connection.js';

/** What one guess does to its subject; see `sallyport.count_guess`. */
type GuessVerb = 'reserve' | 'wrong' | 'right' | 'back';

const COUNT = 'select sallyport.count_guess($1, $2, $3, $4, $5) as answer';

/**
 * The counter of all nodes of one PostgreSQL: a bounded number of rows. While PostgreSQL is unavailable or takes no
 * writes, each node uses its own counter, as those of Redis do.
 */
export class PostgresGuessCounter extends GuessCounter {
  readonly #own = new MemoryGuessCounter();

  constructor(private readonly postgres: PostgresConnection) {
    super();
  }

  override async reserve(subject: string, network: string): Promise<GuessVerdict> {
    const answer = await this.#run('reserve', subject, networkName(network), 0);
    if (answer === null) return this.#own.reserve(subject, network);
    return answer > 0 ? { ok: true, count: answer } : { ok: false, waitMs: -answer };
  }

  override async wrong(subject: string, count: number): Promise<void> {
    if ((await this.#run('wrong', subject, '', count)) === null) await this.#own.wrong(subject, count);
  }

  override async right(subject: string): Promise<void> {
    await Promise.all([this.#run('right', subject, '', 0), this.#own.right(subject)]);
  }

  override async cancel(subject: string, count: number): Promise<void> {
    if ((await this.#run('back', subject, '', count)) === null) await this.#own.cancel(subject, count);
  }

  /** The function's answer; null if PostgreSQL cannot run it. */
  async #run(verb: GuessVerb, subject: string, network: string, count: number): Promise<number | null> {
    const { bucket, name } = placeOf(subject);
    try {
      const [row] = await this.postgres.run<{ answer: string }>(COUNT, [verb, bucket, name, network, count]);
      return Number(row?.answer);
    } catch (error) {
      if (error instanceof UnavailableError) return null;
      throw error;
    }
  }
}
