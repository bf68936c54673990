import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Database } from '../src/identity/database/database.js';
import { openPostgres } from '../src/identity/database/database.postgres.js';
import { sessions, users } from '../src/identity/database/schema.js';
import { accountViewer } from '../src/identity/sessions/account-viewer.js';
import { AccountChangesStore } from '../src/identity/sessions/account-changes.store.js';
import { needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';

needs('postgres')('changes of one account at the same time', () => {
  let created: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    created = await createDatabase();
    database = await openPostgres(created.url, pino({ level: 'silent' }));
  });
  afterAll(async () => {
    await database.close();
    await created.drop();
  });

  /** Adds an account with this many sessions, the oldest first. */
  async function account(count: number) {
    const createdAt = new Date();
    const id = randomUUID();
    const ids = Array.from({ length: count }, () => randomUUID());
    const opened = { userId: id, createdAt, lastSeenAt: createdAt };
    await database.run((orm) => orm.insert(users).values({ id, email: id, passwordHash: 'old', createdAt }));
    await database.run((orm) =>
      orm.insert(sessions).values(ids.map((session) => ({ ...opened, id: session, secretHash: session }))),
    );
    return { id, ids };
  }

  /** Resolves when so many connections wait for a lock. */
  async function waiting(count: number): Promise<void> {
    const query = sql`select count(*)::int as waiting from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    await vi.waitFor(
      async () => {
        const { rows } = (await database.run((orm) => orm.execute(query))) as unknown as { rows: unknown[] };
        expect(rows).toEqual([{ waiting: count }]);
      },
      { timeout: 10_000, interval: 20 },
    );
  }

  it('wait in one order: a password change and the end of all sessions both succeed', async () => {
    const store = new AccountChangesStore(database);
    const [{ id: userId, ids }, other] = [await account(2), await account(1)];
    const [old, own] = ids as [string, string];
    // Holds back the password change between its own session and the others: both want the same unique value.
    const holder = new pg.Client({ connectionString: created.url });
    await holder.connect();
    await holder.query('begin');
    await holder.query('update sessions set secret_hash = $1 where id = $2', ['taken', other.ids[0]]);
    const changed = store.changePassword(accountViewer(userId, own), { from: 'old', to: 'new', secretHash: 'taken' });
    await waiting(1);
    const ended = store.endAll(userId);
    await waiting(2);
    await holder.query('rollback');
    await holder.end();
    expect(await Promise.all([changed, ended])).toEqual([[old], [own]]);
  });
});
