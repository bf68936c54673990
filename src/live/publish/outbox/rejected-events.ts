import type { Client } from 'pg';
import { makeListener } from '../../store/postgres/open-postgres.js';
import { READABLE_DATES } from '../../store/postgres/postgres-connections.js';
import { databaseFailure } from '../../store/postgres/postgres-failure.js';

/** An event that was published by SQL and that its feed has refused. */
export interface RejectedEvent {
  readonly id: string;
  readonly topic: string;
  readonly viewer: string;
  readonly payload: unknown;
  readonly key: string | null;
  readonly reason: string;
  readonly createdAt: Date;
  readonly rejectedAt: Date;
}

/** Which rejected events. */
export type RejectedIds = readonly string[] | 'all';

const LIST = `select id, topic, viewer, payload::jsonb as payload, key, reason, created_at as "createdAt",
    rejected_at as "rejectedAt"
  from sallyport.rejected_event order by rejected_at desc, id desc limit $1`;
const CHOSEN = 'where $1::bigint[] is null or id = any($1::bigint[])';
const RETRY = `with gone as (delete from sallyport.rejected_event ${CHOSEN} returning *)
  select sallyport.publish(g.topic, g.viewer, g.payload::jsonb, g.key) from (select * from gone order by id) g`;
const CLEAR = `delete from sallyport.rejected_event ${CHOSEN}`;
const UNDEFINED_TABLE = '42P01';
const INVALID_SCHEMA = '3F000';

/** The rejected events of a database, for operators. They are kept for 7 days, and at most 10,000 of them. */
export class RejectedEvents {
  private constructor(private readonly client: Client) {}

  /**
   * Runs an action on a connection of its own.
   *
   * @param url of the database
   * @throws Error that says what to do when the database does not answer, or has no such table yet
   */
  static async with<T>(url: string, action: (events: RejectedEvents) => Promise<T>): Promise<T> {
    const client = makeListener({ url }, 'sallyport-cli');
    try {
      await client.connect();
      await client.query(READABLE_DATES);
      return await action(new RejectedEvents(client));
    } catch (error) {
      throw explained(error);
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** The newest first. @param most how many at most */
  async list(most: number): Promise<readonly RejectedEvent[]> {
    return (await this.client.query<RejectedEvent>(LIST, [most])).rows;
  }

  /** Publishes them again, in the order in which they were published first. Returns how many. */
  async retry(ids: RejectedIds): Promise<number> {
    return (await this.client.query(RETRY, [ids === 'all' ? null : ids])).rowCount ?? 0;
  }

  /** Removes them. Returns how many. */
  async clear(ids: RejectedIds): Promise<number> {
    return (await this.client.query(CLEAR, [ids === 'all' ? null : ids])).rowCount ?? 0;
  }
}

function explained(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === UNDEFINED_TABLE || code === INVALID_SCHEMA)
    return new Error('The database has no rejected events yet: run the command migrate, or start the server.');
  const failure = databaseFailure(error);
  return failure ? new Error(`The database does not answer (${failure.reason}): check DATABASE_URL.`) : error;
}
