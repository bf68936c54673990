import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openEmbedded } from '../src/identity/database/database.embedded.js';
import { openPostgres } from '../src/identity/database/database.postgres.js';
import { users } from '../src/identity/database/schema.js';
import { preparePostgres } from '../src/live/store/postgres/open-postgres.js';
import { UnavailableError, StartError } from '../src/live/errors/sallyport.errors.js';
import { freePort } from '../scripts/free-port.mjs';
import { openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { createDatabase } from './kit/postgres-database.js';
import { proxyTo } from './kit/database-proxy.js';
import { spawnServer, startServerProcess } from './kit/server-process.js';
import { fillWithEmbedded } from './kit/storage.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const silent = pino({ level: 'silent' });
/** Starts are slow when many tests run in parallel. */
vi.setConfig({ testTimeout: 120_000 });
const clean: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of clean.splice(0).reverse()) await end();
});

/** Creates a data folder with an embedded database, which is removed after the test. */
async function makeDataDir(): Promise<string> {
  const folder = temporaryFolder('data');
  clean.push(folder.remove);
  await fillWithEmbedded(folder.path);
  return folder.path;
}

describe('the embedded database', () => {
  it('a second process says in one line that the folder is in use and what to do', async () => {
    const dataDir = await makeDataDir();
    const first = await startServerProcess({ DATA_DIR: dataDir });
    clean.push(() => first.end('SIGKILL'));
    const second = spawnServer({ DATA_DIR: dataDir, PORT: String(await freePort()) });
    expect(await second.exit).toBe(1);
    expect(second.output()).toMatch(
      /^sallyport: Another process uses the embedded database in .*: stop it first, or set DATABASE_URL .*\n$/,
    );
  });

  it('starts again after its process was killed', async () => {
    const dataDir = await makeDataDir();
    const first = await startServerProcess({ DATA_DIR: dataDir });
    await first.end('SIGKILL');
    const second = await startServerProcess({ DATA_DIR: dataDir });
    await second.end('SIGKILL');
  });

  it('is made although the set-up of a start that was killed goes on', async () => {
    const data = temporaryFolder('data');
    clean.push(data.remove);
    const make = `import(process.argv[1]).then((it) => it.makeEmbeddedFolder(process.argv[2]))`;
    const made = pathToFileURL(resolve('dist/identity/database/embedded-folder.js')).href;
    const killed = spawn(process.execPath, ['-e', make, made, join(data.path, 'pglite')]);
    const drafts = () => readdirSync(data.path).map((name) => join(data.path, name, 'base/5'));
    await vi.waitUntil(() => drafts().some((base) => existsSync(base)), { timeout: 60_000, interval: 5 });
    killed.kill('SIGKILL');
    const database = await openEmbedded(data.path);
    clean.push(() => database.close());
    expect(await database.run((orm) => orm.select().from(users))).toEqual([]);
  });

  it('does not grow with what is written and removed again', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    clean.push(() => vi.useRealTimers());
    const database = await openEmbedded(await makeDataDir());
    clean.push(() => database.close());
    await database.run((orm) =>
      orm.execute(
        sql`insert into audit_events (at, event, by, details) select now(), 'sign-in', 'owner', '{}' from generate_series(1, 10000)`,
      ),
    );
    await database.run((orm) => orm.execute(sql`delete from audit_events`));
    const bytes = async (): Promise<unknown> => {
      const size = sql`select pg_relation_size('audit_events') as rows,
        pg_wal_lsn_diff(pg_current_wal_lsn(), redo_lsn) < 100000 as trimmed from pg_control_checkpoint()`;
      return ((await database.run((orm) => orm.execute(size))) as unknown as { rows: unknown[] }).rows;
    };
    expect(await bytes()).not.toEqual([{ rows: 0, trimmed: true }]);
    vi.advanceTimersByTime(5 * 60_000);
    await expect.poll(bytes, { timeout: 30_000 }).toEqual([{ rows: 0, trimmed: true }]);
  });

  it('says in one line that its folder cannot be written', async () => {
    const folder = temporaryFolder('no-folder');
    clean.push(folder.remove);
    writeFileSync(join(folder.path, 'file'), '');
    const server = spawnServer({
      DATA_DIR: join(folder.path, 'file', 'data'),
      SECRET_KEYS: 'x1'.repeat(8) + 'abcdefghijklmnopqrstuvwxyz',
      PORT: '0',
    });
    expect(await server.exit).toBe(1);
    expect(server.output()).toMatch(/^sallyport: .*DATA_DIR.*\n$/);
  });
});

needs('postgres')('PostgreSQL', () => {
  it('is migrated once when several nodes start together', async () => {
    const created = await createDatabase();
    clean.push(() => created.drop());
    const nodes = await Promise.all(Array.from({ length: 4 }, () => openPostgres(created.url, silent)));
    const applied = await nodes[0]!.run((orm) =>
      orm.execute(sql`select count(*)::int as count from drizzle.__drizzle_migrations`),
    );
    const files = readdirSync('drizzle').filter((name) => name.endsWith('.sql'));
    expect((applied as unknown as { rows: unknown[] }).rows).toEqual([{ count: files.length }]);
    await Promise.all(nodes.map((node) => node.close()));
  });

  it.each(['statement_timeout=100', 'lock_timeout=100', 'default_transaction_isolation=serializable'])(
    'is migrated after another node, despite %s',
    async (setting) => {
      const created = await createDatabase();
      clean.push(() => created.drop());
      const url = new URL(created.url);
      const other = new pg.Client({ connectionString: created.url });
      const observer = new pg.Client({ connectionString: created.url });
      for (const client of [other, observer]) {
        await client.connect();
        clean.push(() => client.end());
      }
      await preparePostgres({ url: created.url }, silent);
      await other.query("delete from sallyport.migration where name = 'outbox beside other roles'");
      await other.query('begin; lock table sallyport.migration in exclusive mode');
      await other.query('select pg_advisory_xact_lock($1)', [0x5a11_0b07]);
      url.searchParams.set('options', `-c ${setting}`);
      const opening = [openPostgres(url.href, silent), preparePostgres({ url: url.href }, silent)] as const;
      const waiting = `select from pg_stat_activity where datname = current_database()
      and wait_event in ('advisory', 'relation') and query_start < now() - interval '200 ms'`;
      await vi.waitUntil(async () => (await observer.query(waiting)).rowCount === 2, { timeout: 30_000 });
      await other.query("insert into sallyport.migration (name) values ('outbox beside other roles')");
      await other.query('commit');
      const [database] = await Promise.all(opening);
      await database.close();
    },
  );

  it('has its tables in public also where a schema is named like its user', async () => {
    const created = await createDatabase();
    clean.push(() => created.drop());
    const client = new pg.Client({ connectionString: created.url });
    await client.connect();
    clean.push(() => client.end());
    await client.query('create schema authorization current_user');
    const database = await openPostgres(created.url, silent);
    clean.push(() => database.close());
    const { rows } = await client.query<{ schemas: string[] }>(
      `select array_agg(distinct schemaname::text) as schemas from pg_tables
       where schemaname not in ('drizzle', 'pg_catalog', 'information_schema')`,
    );
    expect(rows).toEqual([{ schemas: ['public'] }]);
    expect(await database.run((orm) => orm.select().from(users))).toEqual([]);
  });

  it.each(['German', 'SQL, DMY', 'Postgres, MDY'])('is read right where dates are written as %s', async (style) => {
    const created = await createDatabase();
    clean.push(() => created.drop());
    const url = new URL(created.url);
    url.searchParams.set('options', `-c datestyle=${style.replace(' ', '')}`);
    const database = await openPostgres(url.href, silent);
    clean.push(() => database.close());
    const createdAt = new Date('2026-03-04T05:06:07.890Z');
    const [ada] = await database.run((orm) =>
      orm.insert(users).values({ id: randomUUID(), email: 'ada', passwordHash: '', createdAt }).returning(),
    );
    expect(ada?.createdAt).toEqual(createdAt);
  });

  it('is waited for at start', async () => {
    const created = await createDatabase();
    clean.push(() => created.drop());
    const proxy = await proxyTo(created.url);
    clean.push(proxy.end);
    await proxy.shut();
    const opening = openPostgres(proxy.url, silent);
    await proxy.open();
    const database = await opening;
    expect(await database.answers()).toBe(true);
    await database.close();
  });

  it('that stays unavailable ends the start with one line that names it but not its password', async () => {
    const url = `postgres://somebody:S3CRET@127.0.0.1:${await freePort()}/somewhere`;
    const failure = await openPostgres(url, silent, { retryForMs: 0 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StartError);
    expect((failure as Error).message).toMatch(
      /^The database at 127\.0\.0\.1:\d+\/somewhere does not answer \(ECONNREFUSED\): start it, or correct DATABASE_URL\.$/,
    );
  });

  it('without the database ends the start at once', async () => {
    const created = await createDatabase();
    await created.drop();
    await expect(openPostgres(created.url, silent)).rejects.toThrow(/cannot be used \(database ".*" does not exist\)/);
  });

  it('whose user may not make tables ends the start with what PostgreSQL says', async () => {
    const created = await createDatabase();
    clean.push(() => created.drop());
    const url = new URL(created.url);
    url.searchParams.set('options', '-c role=pg_monitor');
    await expect(openPostgres(url.href, silent)).rejects.toThrow(/cannot be used \(permission denied for database/);
  });

  it('whose user may not make tables is used where another user has migrated it', async () => {
    const created = await createDatabase();
    clean.push(() => created.drop());
    await (await openPostgres(created.url, silent)).close();
    const admin = new pg.Client({ connectionString: created.url });
    await admin.connect();
    clean.push(() => admin.end());
    const url = new URL(created.url);
    url.searchParams.set('options', '-c role=pg_monitor');
    await expect(openPostgres(url.href, silent)).rejects.toThrow(
      /cannot be used \(permission denied for schema drizzle\)/,
    );
    // As docs/postgres-store.md says.
    await admin.query(`grant usage on schema drizzle to pg_monitor; grant select on all tables in schema drizzle to pg_monitor;
      grant select, insert, update, delete on all tables in schema public to pg_monitor;
      grant usage, select on all sequences in schema public to pg_monitor`);
    const database = await openPostgres(url.href, silent);
    clean.push(() => database.close());
    expect(await database.run((orm) => orm.select().from(users))).toEqual([]);
    await admin.query('delete from drizzle.__drizzle_migrations where id > 1');
    await expect(openPostgres(url.href, silent)).rejects.toThrow(/cannot be used \(permission denied for database/);
  });

  it('in which its tables are hidden by others ends the start, and says how to correct it', async () => {
    const created = await createDatabase();
    clean.push(() => created.drop());
    const admin = new pg.Client({ connectionString: created.url });
    await admin.connect();
    clean.push(() => admin.end());
    await admin.query('create schema app create table users (id integer)');
    const url = new URL(created.url);
    url.searchParams.set('options', '-c search_path=app,public');
    await expect(openPostgres(url.href, silent)).rejects.toThrow(
      /search_path.* users.*alter role … set search_path = public/,
    );
  });

  it('that cannot be migrated ends a command, although the store is open', async () => {
    const created = await createDatabase();
    clean.push(() => created.drop());
    const client = new pg.Client({ connectionString: created.url });
    await client.connect();
    clean.push(() => client.end());
    await client.query('create table users (id integer)');
    const env = { PATH: process.env['PATH'] ?? '', DATABASE_URL: created.url, STORE: 'postgres' };
    const command = spawn(process.execPath, [resolve('dist/server/cli/main.js'), 'user', 'list'], { env });
    clean.push(() => command.kill('SIGKILL'));
    expect(await once(command, 'close')).toEqual([1, null]);
  });

  it('that becomes unavailable rolls back transactions, is UNAVAILABLE, and is used again when it is back', async () => {
    const created = await createDatabase();
    clean.push(() => created.drop());
    const proxy = await proxyTo(created.url);
    clean.push(proxy.end);
    const database = await openPostgres(proxy.url, silent);
    clean.push(() => database.close());
    const insert = sql`insert into users (id, email, password_hash, created_at) values (gen_random_uuid(), 'half', 'done', now())`;
    const halfDone = database.transaction(async (orm) => {
      await orm.execute(insert);
      await proxy.shut();
      await orm.execute(sql`select 1`);
    });
    await expect(halfDone).rejects.toBeInstanceOf(UnavailableError);
    await expect(database.run((orm) => orm.execute(sql`select 1`))).rejects.toBeInstanceOf(UnavailableError);
    await proxy.open();
    const left = await database.run((orm) => orm.execute(sql`select * from users`));
    expect((left as unknown as { rows: unknown[] }).rows).toEqual([]);
  });
});

describe('the command line', () => {
  function cli(
    dataDir: string,
    args: readonly string[],
    input = '',
    more: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn(process.execPath, [resolve('dist/server/cli/main.js'), ...args], {
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], DATA_DIR: dataDir, ...more },
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdin.end(input);
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
  }

  it('creates a user with a password from standard input, disables it, and lists its sessions', async () => {
    const dataDir = await makeDataDir();
    const made = await cli(dataDir, ['user', 'create', 'Ada@Example.org', '--json'], 'correct horse battery\n');
    expect(JSON.parse(made.out)).toMatchObject({
      email: 'ada@example.org',
      viewerId: expect.stringMatching(/^user:/) as string,
    });
    expect(made.code).toBe(0);
    expect(await cli(dataDir, ['sessions', 'list', 'ada@example.org', '--json'])).toMatchObject({
      code: 0,
      out: '[]\n',
    });
    const disabled = await cli(dataDir, ['user', 'disable', 'ada@example.org', '--json']);
    expect(JSON.parse(disabled.out)).toEqual({ disabled: true, endedSessions: 0, nodesTold: true });
    const unknown = await cli(dataDir, ['sessions', 'revoke', 'nobody@example.org']);
    expect(unknown).toEqual({ code: 1, out: '', err: 'sallyport: There is no account with this e-mail.\n' });
  });

  it('revokes sessions while Redis is unavailable, and says when the nodes find out', async () => {
    const dataDir = await makeDataDir();
    await cli(dataDir, ['user', 'create', 'ada@example.org'], 'correct horse battery\n');
    const away = { REDIS_URL: `redis://127.0.0.1:${await freePort()}` };
    expect(await cli(dataDir, ['sessions', 'revoke', 'ada@example.org'], '', away)).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^Ended 0 session\(s\)\. Running nodes cannot be notified now: .* within 20 s\.\n$/,
      ) as string,
    });
    const asJson = await cli(dataDir, ['user', 'disable', 'ada@example.org', '--json'], '', away);
    expect(JSON.parse(asJson.out)).toEqual({ disabled: true, endedSessions: 0, nodesTold: false });
  });

  needs('postgres')('migrate', () => {
    it('also migrates what other backends publish with by SQL, whatever the store is', async () => {
      const created = await createDatabase();
      clean.push(() => created.drop());
      const migrated = await cli('/nowhere', ['migrate'], '', {
        DATABASE_URL: created.url,
        STORE: 'memory',
        SECRET_KEYS: randomUUID(),
      });
      expect(migrated).toMatchObject({ code: 0, err: '' });
      const client = new pg.Client({ connectionString: created.url });
      await client.connect();
      clean.push(() => client.end());
      const { rows } = await client.query(
        "select to_regprocedure('sallyport.publish(text, text, jsonb, text)') as name",
      );
      expect(rows).toEqual([{ name: expect.stringContaining('publish') as string }]);
    });
  });

  it('generates secrets that production accepts, and checks a configuration without a store', async () => {
    const generated = await cli('/nowhere', ['secret', 'generate']);
    const env = { NODE_ENV: 'production', PUBLIC_URL: 'https://app.example', SECRET_KEYS: generated.out.trim() };
    expect(await cli('/nowhere', ['config', 'check', '--json'], '', env)).toEqual({
      code: 0,
      out: '{"ok":true,"faults":[]}\n',
      err: '',
    });
    const wrong = await cli('/nowhere', ['config', 'check'], '', {
      ...env,
      PORT: 'x',
      PUBLIC_URL: 'http://app.example',
    });
    expect(wrong).toMatchObject({ code: 1, out: '' });
    expect(wrong.err).toMatch(/PORT: .*\n.*PUBLIC_URL: /);
  });

  it('seeds accounts whose tokens open sockets', async () => {
    const dataDir = await makeDataDir();
    const port = await freePort();
    const seeded = await cli(dataDir, ['seed', '--users', '25', '--ttl-seconds', '600']);
    const people = JSON.parse(seeded.out) as { viewerId: string; token: string }[];
    expect(new Set(people.map((person) => person.viewerId)).size).toBe(25);
    const server = await startServerProcess({
      DATA_DIR: dataDir,
      PORT: String(port),
      PUBLIC_URL: 'http://localhost:3000',
    });
    clean.push(() => server.end('SIGKILL'));
    const socket = await openSocket(server.url, { token: people[24]!.token });
    await socket.close();
  });

  it('seeds nothing where the tokens cannot be written', async () => {
    const dataDir = await makeDataDir();
    const seeded = await cli(dataDir, ['seed', '--users', '3', '--out', join(dataDir, 'nowhere', 'tokens')]);
    expect(seeded).toMatchObject({ code: 1, out: '' });
    expect(seeded.err).toMatch(/^sallyport: The file .* cannot be written \(ENOENT\): give --out another path\.\n$/);
    expect((await cli(dataDir, ['user', 'list', '--json'])).out).toBe('[]\n');
  });
});
