import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { pino } from 'pino';
import { expect, it, vi } from 'vitest';
import { openPostgres } from '../src/identity/database/database.postgres.js';
import { topicOf } from '../src/live/topics/topic.js';
import { needs } from './kit/needs.js';
import { startPgBouncer } from './kit/pgbouncer.js';
import { createDatabase } from './kit/postgres-database.js';
import { postgresNode } from './kit/postgres-node.js';
import { RecordingSink } from './kit/recording-sink.js';

const definition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 100,
  historySeconds: 300,
  onSubscribe: 'nothing',
  slowReader: 'close',
} as const;

/** Retries: on a busy machine a pooler may need seconds for its first connections, and queries time out after five. */
const eventually = <T>(work: () => Promise<T>): Promise<T> => vi.waitFor(work, { timeout: 40_000 });

needs('postgres', 'pgbouncer')('the store behind PgBouncer', () => {
  it('publishes through transaction mode and listens through session mode', async () => {
    const database = await createDatabase();
    const pooler = await startPgBouncer(database.url);
    const place = { url: pooler.transactionUrl, listenUrl: pooler.sessionUrl };
    const nodes = [await postgresNode(place), await postgresNode(place)] as const;
    const topics = Array.from({ length: 20 }, () => topicOf(definition, `user:${randomUUID()}`));
    const sinks = await Promise.all(
      topics.map(async (topic) => {
        const sink = new RecordingSink();
        await eventually(() => nodes[0].bus.subscribe(topic, sink));
        return sink;
      }),
    );
    const numbers = Array.from({ length: 10 }, (_, index) => index + 1);
    for (const payload of numbers)
      await Promise.all(
        nodes.map(({ bus }, side) =>
          eventually(() =>
            bus.publish(
              topics.filter((_, index) => index % 2 === side).map((topic) => ({ topic, payload, key: `${payload}` })),
            ),
          ),
        ),
      );
    await Promise.all(sinks.map((sink) => sink.until(numbers.length)));
    for (const sink of sinks) expect(sink.payloads).toEqual(numbers);
    await Promise.all(nodes.map((node) => node.close()));
    await pooler.stop();
    await database.drop();
  }, 60_000);
});

needs('postgres', 'pgbouncer')('the database behind PgBouncer', () => {
  it('is migrated through transaction mode, and no lock is left behind for which the next node waits', async () => {
    const database = await createDatabase();
    const pooler = await startPgBouncer(database.url);
    const opened = await openPostgres(pooler.transactionUrl, pino({ level: 'silent' }));
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query(
      `select from pg_locks l join pg_database d on d.oid = l.database
       where l.locktype = 'advisory' and d.datname = current_database()`,
    );
    expect(rows).toEqual([]);
    await client.end();
    await opened.close();
    await pooler.stop();
    await database.drop();
  }, 60_000);

  it('fails the start with the setting that PgBouncer lacks', async () => {
    const database = await createDatabase();
    const pooler = await startPgBouncer(database.url, '');
    const opened = openPostgres(pooler.transactionUrl, pino({ level: 'silent' }));
    await expect(opened).rejects.toThrow(
      /^PgBouncer at \S+ refuses .* ignore_startup_parameters = statement_timeout, idle_in_transaction_session_timeout\.$/,
    );
    await pooler.stop();
    await database.drop();
  }, 60_000);
});
