import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import pg from 'pg';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Database, type Orm } from '../src/identity/database/database.js';
import { openPostgres } from '../src/identity/database/database.postgres.js';
import { StoreMetrics, type StoreState } from '../src/live/store/store-health.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { closeCodeFor } from '../src/testing/live-socket.js';
import { Browser } from './kit/browser.js';
import { type DatabaseProxy, proxyTo } from './kit/database-proxy.js';
import { freePort } from '../scripts/free-port.mjs';
import { requireNeed, needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { startServer, type TestServer } from './kit/server.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { temporaryFolder } from './kit/temporary-folder.js';

vi.setConfig({ testTimeout: 120_000 });

needs('postgres')('a PostgreSQL that refuses writes, as operators see it', () => {
  const folder = temporaryFolder('health');
  let database: TestDatabase;
  let name: string;
  let server: ServerProcess;

  beforeAll(async () => {
    database = await createDatabase();
    name = new URL(database.url).pathname.slice(1);
    // A role with no other rights than those that docs/postgres-store.md names.
    const url = new URL(database.url);
    url.username = name;
    await onServer(
      `create role ${name} login; revoke all on database ${name} from public;
       grant connect, create on database ${name} to ${name}`,
    );
    await onServer(`grant create on schema public to ${name}`, name);
    const port = String(await freePort());
    const env = { DATABASE_URL: url.href, DATA_DIR: folder.path, PORT: port, LOG_LEVEL: 'info' };
    server = await startServerProcess({ ...env, PUBLIC_URL: `http://127.0.0.1:${port}` });
  });
  afterAll(async () => {
    await server.end();
    await database.drop();
    await onServer(`drop role ${name}`);
    folder.remove();
  });

  const readiness = async (): Promise<unknown> => {
    const answer = await fetch(`${server.url}/readyz`);
    const { checks } = (await answer.json()) as { checks: Record<string, string> };
    return { status: answer.status, database: checks['database'] };
  };
  const until = (state: { status: number; database: string }) =>
    vi.waitFor(async () => expect(await readiness()).toEqual(state), { timeout: 30_000, interval: 200 });
  const metrics = async () => (await fetch(`${server.url}/metrics`)).text();
  const logged = (message: string): string[] =>
    server
      .output()
      .split('\n')
      .filter((line) => line.includes(message));
  const register = async () => {
    const { errors } = await new Browser(server.url, { origin: null }).gql(
      'mutation { register(email: "ada@example.org", password: "correct horse battery") { id } }',
    );
    return errors?.[0]?.extensions?.['code'];
  };

  it('is not ready, without a writer, while the database is read-only, and says why once', async () => {
    await onServer(`alter database ${name} set default_transaction_read_only = on`);
    await endConnections(name);
    await until({ status: 503, database: 'unavailable' });
    expect([await register(), await register()]).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    await vi.waitFor(() => expect(logged('The database refuses writes')).toEqual([expect.stringContaining('25006')]));
    expect(await metrics()).toMatch(/^sallyport_store_up\{store="database"\} 0$/m);
    expect(await metrics()).toMatch(/^sallyport_store_failures_total\{store="database",reason="25006"\} [1-9]/m);
    await onServer(`alter database ${name} reset default_transaction_read_only`);
    await endConnections(name);
    await until({ status: 200, database: 'ok' });
    expect(await metrics()).toMatch(/^sallyport_store_up\{store="database"\} 1$/m);
  });

  it('is not ready as long as the disk of its tables is full, and logs and counts why', async () => {
    await onServer(
      `create function full_disk() returns trigger language plpgsql as
       $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
       create trigger full_disk before insert on users for each row execute function full_disk()`,
      name,
    );
    expect(await register()).toBe('UNAVAILABLE');
    await vi.waitFor(() => expect(logged('refuses writes').join('\n')).toContain('53100'));
    const again = logged('The database takes writes again').length;
    await vi.waitFor(
      async () =>
        expect(await metrics()).toMatch(/^sallyport_store_failures_total\{store="database",reason="53100"\} [3-9]$/m),
      { timeout: 30_000, interval: 200 },
    );
    expect(await readiness()).toEqual({ status: 503, database: 'unavailable' });
    expect(logged('The database takes writes again')).toHaveLength(again);
    expect(logged('53100')).toHaveLength(1);
    await onServer('drop trigger full_disk on users', name);
    await until({ status: 200, database: 'ok' });
    expect(await register()).toBeUndefined();
  });

  it('is not ready while its role may not sign in, and says why once', async () => {
    await onServer(`alter role ${name} nologin`);
    await endConnections(name);
    expect(await register()).toBe('UNAVAILABLE');
    await until({ status: 503, database: 'unavailable' });
    expect(await metrics()).toMatch(/^sallyport_store_up\{store="database"\} 0$/m);
    await vi.waitFor(
      async () =>
        expect(await metrics()).toMatch(/^sallyport_store_failures_total\{store="database",reason="28000"\} [3-9]$/m),
      { timeout: 30_000, interval: 200 },
    );
    expect(logged('"level":50')).toEqual([]);
    await onServer(`alter role ${name} login`);
    await until({ status: 200, database: 'ok' });
    expect(await metrics()).toMatch(/^sallyport_store_up\{store="database"\} 1$/m);
  });
});

needs('postgres')('a PostgreSQL that refuses writes and is not the store', () => {
  it('SO-7 admits no socket of an account until it takes writes again', async () => {
    const created = await createDatabase();
    const name = new URL(created.url).pathname.slice(1);
    const env = { DATABASE_URL: created.url, STORE: 'memory', TOKEN_TTL_SECONDS: '600' };
    const server = await startServer({ env });
    const token = await (await server.signedIn()).browser.token();
    const database = server.app.get(Database);
    const until = (state: StoreState) =>
      vi.waitFor(() => expect(database.state).toBe(state), { timeout: 30_000, interval: 50 });
    await onServer(`alter database ${name} set default_transaction_read_only = on`);
    await endConnections(name);
    await until('refuses-writes');
    expect(await closeCodeFor(server.url, token)).toBe(CloseCode.TryAgainLater);
    await onServer(`alter database ${name} reset default_transaction_read_only`);
    await endConnections(name);
    await until('ok');
    expect(await closeCodeFor(server.url, token)).toBe(CloseCode.Normal);
    await server.stop();
    await created.drop();
  });
});

needs('postgres')('a PostgreSQL that accepts no connections and is not the store', () => {
  it('answers UNAVAILABLE, and closes new sockets so that they try again', async () => {
    const created = await createDatabase();
    const name = new URL(created.url).pathname.slice(1);
    const server = await startServer({ env: { DATABASE_URL: created.url, STORE: 'memory', TOKEN_TTL_SECONDS: '600' } });
    const { browser } = await server.signedIn();
    const token = await browser.token();
    await onServer(`alter database ${name} allow_connections false`);
    await endConnections(name);
    expect(await closeCodeFor(server.url, token)).toBe(CloseCode.TryAgainLater);
    await expect(browser.me()).rejects.toThrow('UNAVAILABLE');
    await onServer(`alter database ${name} allow_connections true`);
    await vi.waitFor(async () => expect(await closeCodeFor(server.url, token)).toBe(CloseCode.Normal));
    await server.stop();
    await created.drop();
  });
});

needs('postgres')('a PostgreSQL that ends idle sessions', () => {
  it("keeps a node's connections", async () => {
    const created = await createDatabase();
    const name = new URL(created.url).pathname.slice(1);
    await onServer(`alter database ${name} set idle_session_timeout = '100ms'`);
    const server = await startServer({ env: { DATABASE_URL: created.url } });
    const lasting = `select distinct application_name as name from pg_stat_activity
      where datname = '${name}' and state = 'idle' and state_change > backend_start + interval '1 s'`;
    const names = ['sallyport', 'sallyport-listener', 'sallyport-outbox', 'sallyport-store'];
    const found = async () => (await onServer(lasting)).map((row) => row['name']);
    await expect.poll(found, { timeout: 20_000, interval: 200 }).toEqual(expect.arrayContaining(names));
    await server.stop();
    await created.drop();
  });
});

needs('postgres')('an unavailable PostgreSQL, as users see it', () => {
  let created: TestDatabase;
  let proxy: DatabaseProxy;
  let server: TestServer;

  beforeAll(async () => {
    created = await createDatabase();
    proxy = await proxyTo(created.url);
    server = await startServer({ env: { DATABASE_URL: proxy.url } });
  });
  afterAll(async () => {
    await server.stop();
    await proxy.end();
    await created.drop();
  });

  it.each([
    ['gone', () => proxy.shut(), () => proxy.open()],
    ['standing still', async () => proxy.hang(), async () => proxy.resume()],
  ])(
    'answers me with 200 and UNAVAILABLE while it is %s, and with the person when it is back',
    async (_, fail, mend) => {
      const { browser, id } = await server.signedIn(randomUUID());
      await fail();
      const answer = await browser.fetch('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"query":"{ me { user { id } } }"}',
      });
      await mend();
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
      await vi.waitFor(async () => expect((await browser.me())?.user.id).toBe(id), { timeout: 30_000 });
    },
  );
});

needs('postgres')('transactions that a database leaves waiting', () => {
  it('release their connections, so that the pool is complete when the database recovers', async () => {
    const created = await createDatabase();
    const proxy = await proxyTo(created.url);
    const database = await openPostgres(proxy.url, pino({ level: 'silent' }));
    await Promise.all(Array.from({ length: 10 }, () => database.run((orm) => orm.execute('select 1'))));
    proxy.hang();
    const waiting = Array.from({ length: 10 }, () => database.transaction((orm) => orm.execute('select 1')));
    const outcomes = await Promise.allSettled(waiting);
    expect(
      outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as { code: string }).code),
    ).toEqual(Array.from({ length: 10 }, () => 'UNAVAILABLE'));
    proxy.resume();
    expect(await database.transaction((orm) => orm.execute('select 1'))).toBeDefined();
    await database.close();
    await proxy.end();
    await created.drop();
  });
});

needs('postgres')('a start against a PostgreSQL that takes no writes', () => {
  it('waits until it takes them, as a standby does that is promoted, and says so once', async () => {
    const created = await createDatabase();
    const name = new URL(created.url).pathname.slice(1);
    await onServer(`alter database ${name} set default_transaction_read_only = on`);
    const lines: string[] = [];
    const said = new EventEmitter();
    const logger = pino({}, { write: (line: string) => said.emit('line', lines.push(line)) });
    const opening = openPostgres(created.url, logger);
    await Promise.race([once(said, 'line'), opening]);
    await onServer(`alter database ${name} reset default_transaction_read_only`);
    const database = await opening;
    expect(lines).toEqual([expect.stringMatching(/"reason":"25006".*trying every second/)]);
    await database.close();
    await created.drop();
  });
});

it('a database counts as unavailable when its probe fails with any error, and as up when it succeeds', async () => {
  const health = new StoreMetrics(new Registry(), pino({ level: 'silent' })).watch('database', 'The database', 'db');
  const execute = vi.fn(async () => ({ rows: [{ readOnly: 'off' }] }));
  const database = new Database({ execute } as unknown as Orm, { close: async () => {}, health });
  execute.mockRejectedValueOnce(Object.assign(new Error('no'), { code: 'XX000' }));
  expect([await database.answers(), database.state]).toEqual([false, 'unavailable']);
  expect([await database.answers(), database.state]).toEqual([true, 'ok']);
});

async function endConnections(name: string): Promise<void> {
  await onServer(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
}

async function onServer(statement: string, name?: string): Promise<Record<string, unknown>[]> {
  const url = new URL(requireNeed('postgres'));
  if (name) url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}
