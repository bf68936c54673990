import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { type LiveSocket, openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { RedisServer } from './kit/redis-server.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';
import { SqlPublisher } from './kit/sql-publisher.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NOTIFICATIONS = 'subscription { notifications { title } }';
const WAIT = { timeout: 20_000, interval: 20 };

/** Tests of publishing by SQL that run on every store. */
function publishingBySql(store: 'memory' | 'postgres' | 'redis'): void {
  describe(`publishing by SQL, with STORE=${store}`, () => {
    let database: TestDatabase;
    let redis: RedisServer | undefined;
    let server: TestServer;
    let sql: SqlPublisher;
    let ada: SignedIn;

    beforeAll(async () => {
      [database, redis] = [await createDatabase(), store === 'redis' ? await RedisServer.start() : undefined];
      server = await startServer({
        env: {
          DATABASE_URL: database.url,
          STORE: store,
          USER_COUNT_INTERVAL_SECONDS: '3600',
          ...(redis ? { REDIS_URL: redis.url } : {}),
        },
      });
      sql = await SqlPublisher.connect(database.url);
      ada = await server.signedIn();
    });
    afterAll(async () => {
      await sql?.close();
      await server?.stop();
      await redis?.remove();
      await database?.drop();
    });

    const event = (title: string, key?: string) => ({
      topic: 'notifications',
      viewer: ada.viewerId,
      payload: { kind: 'sql', title },
      ...(key === undefined ? {} : { key }),
    });

    async function subscribed(who: SignedIn = ada): Promise<LiveSocket> {
      const socket = await openSocket(server.url);
      await socket.init({ token: await who.browser.token(), resumable: true, positions: true });
      await socket.subscribed('1', NOTIFICATIONS);
      // The feed starts with the events of earlier tests.
      for (let left = (await socket.settled()).length; left > 0; left--) await socket.inbox.take();
      return socket;
    }

    async function titles(socket: LiveSocket, count: number): Promise<unknown[]> {
      const found: unknown[] = [];
      while (found.length < count) {
        const { data } = await socket.waitForNext('1');
        found.push((data as { notifications: { title: string } }).notifications.title);
      }
      return found;
    }

    /** Publishes one more event; when it arrives, all earlier ones have arrived. */
    async function nothingBut(socket: LiveSocket, ...expected: string[]): Promise<void> {
      const end = `end ${randomUUID()}`;
      await sql.publish(event(end));
      expect(await titles(socket, expected.length + 1)).toEqual([...expected, end]);
      expect(await socket.settled()).toEqual([]);
      await socket.close();
    }

    it('delivers what a transaction published after its commit, and nothing before', async () => {
      const socket = await subscribed();
      await sql.run('begin');
      await sql.publish(event('one'));
      await sql.publish(event('two'));
      const other = await SqlPublisher.connect(database.url);
      await other.publish(event('from another transaction'));
      expect(await titles(socket, 1)).toEqual(['from another transaction']);
      expect(await socket.settled()).toEqual([]);
      await sql.run('commit');
      await other.close();
      await nothingBut(socket, 'one', 'two');
    });

    it('delivers nothing of a transaction that is rolled back', async () => {
      const socket = await subscribed();
      await sql.run('begin');
      await sql.publish(event('never'));
      await sql.publishMany([event('never'), event('never')]);
      await sql.run('rollback');
      await nothingBut(socket);
    });

    it('delivers nothing of a part that is rolled back to a savepoint', async () => {
      const socket = await subscribed();
      await sql.run('begin; savepoint first');
      await sql.publish(event('never'));
      await sql.run('rollback to first');
      await sql.publish(event('one'));
      await sql.run('savepoint second');
      await sql.publish(event('two'));
      await sql.run('release second; savepoint third');
      await sql.publish(event('never'));
      await sql.run('rollback to third');
      await sql.publish(event('three'));
      await sql.run('commit');
      await nothingBut(socket, 'one', 'two', 'three');
    });

    it('delivers a batch in its order', async () => {
      const socket = await subscribed();
      const names = Array.from({ length: 50 }, (_, index) => `event ${index}`);
      expect(await sql.publishMany(names.map((name) => event(name)))).toBe(50);
      expect(await sql.publishMany([])).toBe(0);
      await nothingBut(socket, ...names);
    });

    it('delivers more events of one transaction than it reads at once', async () => {
      const bob = await server.signedIn();
      const socket = await subscribed(bob);
      const names = Array.from({ length: 2_500 }, (_, index) => String(index));
      await sql.publishMany(names.map((name) => ({ ...event(name), viewer: bob.viewerId })));
      expect(await titles(socket, 2_500)).toEqual(names);
      await socket.close();
    });

    it('delivers only to the viewer', async () => {
      const bob = await subscribed(await server.signedIn());
      const adas = await subscribed();
      await sql.publish(event('for Ada'));
      await nothingBut(adas, 'for Ada');
      expect(await bob.settled()).toEqual([]);
      await bob.close();
    });

    it('delivers an event once for one key, and rejects another payload with it', async () => {
      const socket = await subscribed();
      const key = randomUUID();
      await sql.publish(event('once', key));
      await sql.publishMany([event('once', key), event('once', key)]);
      const id = await sql.publish(event('another', key));
      await vi.waitFor(async () => expect((await sql.rejected()).map((each) => each.id)).toContain(id), WAIT);
      expect((await sql.rejected()).find((each) => each.id === id)?.reason).toMatch(
        /^key was used for another payload/,
      );
      await nothingBut(socket, 'once');
    });

    it('keeps its keys apart from those of POST /publish', async () => {
      const socket = await subscribed();
      const key = randomUUID();
      const apiKey = (await server.app.get(ApiKeys).create(randomUUID())) ?? '';
      await sql.publish(event('by SQL', key));
      expect(await titles(socket, 1)).toEqual(['by SQL']);
      const response = await fetch(`${server.url}/publish`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
        body: JSON.stringify({ events: [event('by HTTP', key)] }),
      });
      expect(await response.json()).toEqual({ results: [{ cursor: expect.any(String) }] });
      await nothingBut(socket, 'by HTTP');
    });

    it('keeps an event that its feed refuses, says why, and delivers the others', async () => {
      const socket = await subscribed();
      const before = (await sql.rejected()).length;
      await sql.publishMany([
        event('good'),
        { ...event(''), topic: 'nonsense' },
        { ...event(''), viewer: 'user:*' },
        { ...event(''), payload: { kind: 'x' } },
        { ...event(''), payload: null },
        event('bad key', ''),
        { ...event(''), payload: { kind: 'x', title: 'x'.repeat(65_536) } },
        { ...event(''), payload: nested(100) },
        event('good too'),
      ]);
      await vi.waitFor(async () => expect(await sql.rejected()).toHaveLength(before + 7), WAIT);
      expect((await sql.rejected()).slice(before).map(({ reason }) => reason)).toEqual([
        'topic must be one of notifications, user_count.',
        expect.stringMatching(/^viewer must be a viewer id/),
        expect.stringMatching(/^payload: title must/),
        'payload must be a JSON object.',
        'key must be valid Unicode text of 1 to 200 characters.',
        expect.stringMatching(/^payload is larger than 65536 bytes/),
        'payload is nested deeper than 64 levels, or has a key __proto__.',
      ]);
      await nothingBut(socket, 'good', 'good too');
    });

    it('leaves nothing in the outbox', async () => {
      const left = () =>
        sql.run<{ rows: string }>(
          `select (select count(*) from sallyport.outbox) + (select count(*) from sallyport.outbox_transaction)
             + (select count(*) from sallyport.outbox_commit) as rows`,
        );
      await vi.waitFor(async () => expect(await left()).toEqual([{ rows: '0' }]), WAIT);
    });

    it('shows what it has done in the metrics', async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      expect(text).toMatch(/^sallyport_outbox_events_total\{outcome="published"\} [1-9]/m);
      expect(text).toMatch(/^sallyport_outbox_events_total\{outcome="duplicate"\} 2$/m);
      expect(text).toMatch(/^sallyport_outbox_events_total\{outcome="rejected"\} 8$/m);
      expect(text).toMatch(/^sallyport_outbox_waiting 0$/m);
      expect(text).toMatch(/^sallyport_outbox_oldest_seconds 0$/m);
    });

    it('goes on after its connection was cut, and delivers what came meanwhile', async () => {
      const socket = await subscribed();
      await sql.run(`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'sallyport-outbox' and datname = current_database()`);
      await sql.publish(event('meanwhile'));
      await nothingBut(socket, 'meanwhile');
    });
  });
}

needs('postgres')('on PostgreSQL', () => {
  publishingBySql('memory');
  publishingBySql('postgres');
  needs('redis')('and Redis', () => publishingBySql('redis'));

  describe('sallyport.publish', () => {
    let database: TestDatabase;
    let server: TestServer;
    let sql: SqlPublisher;
    beforeAll(async () => {
      database = await createDatabase();
      server = await startServer({ env: { DATABASE_URL: database.url, STORE: 'postgres' } });
      sql = await SqlPublisher.connect(database.url);
    });
    afterAll(async () => {
      await sql?.close();
      await server?.stop();
      await database?.drop();
    });

    const mebibyte = 'x'.repeat(1_048_577);

    it.each([
      ['topic', [null, 'v', '1', null], 'topic must not be null'],
      ['viewer', ['t', null, '1', null], 'viewer must not be null'],
      ['payload', ['t', 'v', null, null], 'payload must not be null'],
      ['topic', [mebibyte, 'v', '1', null], 'topic must not be larger than 1 MiB'],
      ['viewer', ['t', mebibyte, '1', null], 'viewer must not be larger than 1 MiB'],
      ['payload', ['t', 'v', JSON.stringify(mebibyte), null], 'payload must not be larger than 1 MiB'],
      ['key', ['t', 'v', '1', mebibyte], 'key must not be larger than 1 MiB'],
    ])('names the argument %s that is wrong', async (_, values, message) => {
      await expect(sql.run('select sallyport.publish($1, $2, $3::jsonb, $4)', values)).rejects.toThrow(
        `sallyport.publish: ${message}`,
      );
    });

    it.each([
      ['is null', null, 'events must be a JSON array'],
      ['is an object', {}, 'events must be a JSON array'],
      ['has a number', [1], 'events[0]: must be an object'],
      ['has an event without a topic', [{ viewer: 'v', payload: 1 }], 'events[0]: topic must not be null'],
      ['has an event without a payload', [{ topic: 't', viewer: 'v' }], 'events[0]: payload must not be null'],
      [
        'has an unknown field',
        [
          { topic: 't', viewer: 'v', payload: 1 },
          { topic: 't', viewer: 'v', payload: 1, id: 1 },
        ],
        'events[1]: has fields besides',
      ],
    ])('refuses a batch that %s', async (_, events, message) => {
      await expect(sql.publishMany(events)).rejects.toThrow(`sallyport.publish_many: ${message}`);
    });

    it('BK-2 can be granted to a role that may read and change nothing', async () => {
      const role = `publisher_${randomUUID().slice(0, 8)}`;
      await sql.run(`create role ${role}; grant usage on schema sallyport to ${role}`);
      const as = await SqlPublisher.connect(database.url);
      await as.run(`set role ${role}`);
      const refused = { topic: 'notifications', viewer: 'nobody', payload: 1 };
      await expect(as.publish(refused)).rejects.toThrow('permission denied for function publish');
      await expect(as.publishMany([refused])).rejects.toThrow('permission denied for function publish_many');
      await sql.run(`grant execute on function sallyport.publish, sallyport.publish_many to ${role}`);
      await as.run('begin');
      const id = await as.publish(refused);
      await as.publishMany([refused]);
      await as.run('commit');
      const { rows: tables } = await sql.client.query<{ name: string }>(
        "select tablename as name from pg_tables where schemaname = 'sallyport'",
      );
      expect(tables.length).toBeGreaterThan(8);
      for (const { name } of tables) {
        await expect(as.run(`select from sallyport.${name}`)).rejects.toThrow('permission denied for table');
        await expect(as.run(`delete from sallyport.${name}`)).rejects.toThrow('permission denied for table');
      }
      // Every other function runs with its caller's rights.
      const { rows: functions } = await sql.client.query<{ name: string }>(
        "select proname as name from pg_proc where pronamespace = 'sallyport'::regnamespace and prosecdef order by 1",
      );
      expect(functions.map(({ name }) => name)).toEqual(['number_commit', 'publish', 'publish_many']);
      // Others may create functions where a search_path leads. The immutable ones are called by these only.
      const { rows: misled } = await sql.client.query<{ name: string }>(
        `select proname as name from pg_proc where pronamespace = 'sallyport'::regnamespace and provolatile <> 'i'
         and array_to_string(proconfig, ' ') !~ 'search_path=pg_catalog, pg_temp' is not false`,
      );
      expect(misled).toEqual([]);
      await as.close();
      await vi.waitFor(async () => expect((await sql.rejected()).map((each) => each.id)).toContain(id), WAIT);
      await sql.run(`drop owned by ${role}; drop role ${role}`);
    });

    it('lets operators list what was rejected, publish it again, and delete it', async () => {
      const cli = async (...args: string[]): Promise<string> => {
        const env = { PATH: process.env['PATH'] ?? '', ...server.env };
        return (await promisify(execFile)(process.execPath, ['dist/server/cli/main.js', ...args], { cwd: ROOT, env }))
          .stdout;
      };
      await cli('rejected', 'clear', '--all');
      expect(await cli('rejected', 'list')).toBe('There are no rejected events.\n');
      const viewer = `user:${randomUUID()}`;
      const id = await sql.publish({ topic: 'not_yet', viewer, payload: { a: 1 }, key: 'k' });
      const other = await sql.publish({ topic: '\u001b[31m', viewer: 'nobody', payload: 1 });
      await vi.waitFor(async () => expect(await sql.rejected()).toHaveLength(2), WAIT);
      const reason = 'topic must be one of notifications, user_count.';
      expect(JSON.parse(await cli('--json', 'rejected', 'list'))).toMatchObject([
        { id: other },
        { id, topic: 'not_yet', viewer, payload: { a: 1 }, key: 'k', reason },
      ]);
      expect(await cli('rejected', 'list', '--limit', '1')).toMatch(
        new RegExp(`^${other}  \\S+Z  "\\\\u001b\\[31m"  "nobody"  topic must be one of`),
      );
      expect(JSON.parse(await cli('--json', 'rejected', 'retry', id))).toEqual({ retried: 1 });
      await vi.waitFor(async () => {
        const ids = (await sql.rejected()).map((each) => each.id);
        expect(ids).toHaveLength(2);
        expect(ids).not.toContain(id);
      }, WAIT);
      await expect(cli('rejected', 'retry', id)).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('Only 0 of these 1'),
      });
      await expect(cli('rejected', 'clear', id, '--all')).rejects.toMatchObject({ code: 1 });
      expect(await cli('rejected', 'clear', '--all')).toBe('Deleted: 2.\n');
      await expect(cli('rejected', 'clear')).rejects.toMatchObject({ stderr: expect.stringContaining('--all') });
    });

    it('does not make serializable transactions fail that publish at once', async () => {
      const publishers = await Promise.all(Array.from({ length: 8 }, () => SqlPublisher.connect(database.url)));
      const nobody = { topic: 'user_count', viewer: `user:${randomUUID()}`, payload: 1 };
      await Promise.all(
        publishers.map(async (publisher) => {
          for (let round = 0; round < 20; round++) {
            await publisher.run('begin isolation level serializable');
            await publisher.publish(nobody);
            await publisher.run('commit');
          }
          await publisher.close();
        }),
      );
    });
  });
});

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}
