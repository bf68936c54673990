import { type GuessStep, SharedGuessCounter } from '../guess-counter.shared.js';
import type { PostgresConnection } from './postgres.connection.js';

/** What the stored function calls `cancel`: nodes of every version call that function. */
const CANCEL = 'back';
const COUNT = 'select sallyport.count_guess($1, $2, $3, $4, $5) as answer';

/** The counter of all nodes of one PostgreSQL: a bounded number of rows. */
export class PostgresGuessCounter extends SharedGuessCounter {
  constructor(private readonly postgres: PostgresConnection) {
    super();
  }

  protected override async step({ verb, bucket, name, network, count }: GuessStep): Promise<number> {
    const stored = verb === 'cancel' ? CANCEL : verb;
    const [row] = await this.postgres.run<{ answer: string }>(COUNT, [stored, bucket, name, network, count]);
    return Number(row?.answer);
  }
}
