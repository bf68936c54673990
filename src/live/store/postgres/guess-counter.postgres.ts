import { type GuessStep, SharedGuessCounter } from '../guess-counter.shared.js';
import type { PostgresConnection } from './postgres.connection.js';

const COUNT = 'select sallyport.count_guess($1, $2, $3, $4, $5) as answer';

/** The counter of all nodes of one PostgreSQL: a bounded number of rows. */
export class PostgresGuessCounter extends SharedGuessCounter {
  constructor(private readonly postgres: PostgresConnection) {
    super();
  }

  protected override async step({ verb, bucket, name, network, count }: GuessStep): Promise<number> {
    const [row] = await this.postgres.run<{ answer: string }>(COUNT, [verb, bucket, name, network, count]);
    return Number(row?.answer);
  }
}
