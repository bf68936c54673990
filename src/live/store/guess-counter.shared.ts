import { UnavailableError } from '../errors/sallyport.errors.js';
import { GuessCounter, type GuessVerdict, networkName, placeOf } from '../rate-limit/guess-counter.js';
import { MemoryGuessCounter } from './memory/guess-counter.memory.js';

/** What one guess does to its subject: the methods of {@link GuessCounter}. */
type GuessVerb = 'reserve' | 'wrong' | 'right' | 'cancel';

/** One step for one subject, which a store takes atomically. */
export interface GuessStep {
  readonly verb: GuessVerb;
  readonly bucket: number;
  /** The subject's name in its bucket. */
  readonly name: string;
  /** The name of the network for `reserve`; '' for the others. */
  readonly network: string;
  /** The guess's number in a row for `wrong` and `cancel`; 0 for the others. */
  readonly count: number;
}

/**
 * The counter of all nodes of one store. While the store is unavailable or refuses writes, each node uses its own
 * counter: refusing every attempt would turn an outage of the store into an outage of signing in.
 */
export abstract class SharedGuessCounter extends GuessCounter {
  readonly #own = new MemoryGuessCounter();

  /**
   * Takes a step.
   *
   * @returns for `reserve` the count, or minus the wait in ms; for the others any number
   * @throws UnavailableError when the store cannot take it
   */
  protected abstract step(step: GuessStep): Promise<number>;

  override async reserve(subject: string, network: string): Promise<GuessVerdict> {
    const answer = await this.#try('reserve', subject, { network: networkName(network) });
    if (answer === null) return this.#own.reserve(subject, network);
    return answer > 0 ? { ok: true, count: answer } : { ok: false, waitMs: -answer };
  }

  override async wrong(subject: string, count: number): Promise<void> {
    if ((await this.#try('wrong', subject, { count })) === null) await this.#own.wrong(subject, count);
  }

  override async right(subject: string): Promise<void> {
    await Promise.all([this.#try('right', subject), this.#own.right(subject)]);
  }

  override async cancel(subject: string, count: number): Promise<void> {
    if ((await this.#try('cancel', subject, { count })) === null) await this.#own.cancel(subject, count);
  }

  /** The store's answer; null while it is unavailable. */
  async #try(
    verb: GuessVerb,
    subject: string,
    { network = '', count = 0 }: Partial<Pick<GuessStep, 'network' | 'count'>> = {},
  ): Promise<number | null> {
    try {
      return await this.step({ verb, ...placeOf(subject), network, count });
    } catch (error) {
      if (error instanceof UnavailableError) return null;
      throw error;
    }
  }
}
