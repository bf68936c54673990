import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AccountService } from '../src/identity/accounts/account.service.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { AuditLog } from '../src/live/logging/audit-log.js';
import { VERSION } from '../src/server/version.js';
import { startServerProcess } from './kit/server-process.js';
import { startServer, type TestServer } from './kit/server.js';
import { fillWithEmbedded } from './kit/storage.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const MAIN = resolve('dist/server/cli/main.js');
const PASSWORD = 'correct horse battery';

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function cli(dataDir: string, args: readonly string[], input = ''): Promise<Ran> {
  const env = { PATH: process.env['PATH'], DATA_DIR: dataDir };
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: tmpdir(), env });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on('error', () => {}).end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

describe('the command line, while a server has the embedded database open', () => {
  let server: TestServer;
  let dataDir: string;
  const clean: (() => unknown)[] = [];

  beforeAll(async () => {
    const folder = temporaryFolder('cli');
    dataDir = folder.path;
    await fillWithEmbedded(dataDir);
    server = await startServer({ env: { DATA_DIR: dataDir, USER_COUNT_INTERVAL_SECONDS: '3600' } });
  });
  afterEach(async () => {
    for (const end of clean.splice(0).reverse()) await end();
  });
  afterAll(async () => {
    await server.stop();
    expect(readdirSync(dataDir).filter((name) => name.includes('cli'))).toEqual([]);
  });

  const socketPath = (): string => join(dataDir, 'cli.sock');

  it('is served on a socket in DATA_DIR that only the owner can use', () => {
    const found = lstatSync(socketPath());
    expect([found.isSocket(), found.mode & 0o777]).toEqual([true, 0o600]);
    expect(readdirSync(dataDir).filter((name) => name.startsWith('.cli-'))).toEqual([]);
  });

  it('creates, lists and revokes API keys that work at once', async () => {
    const made = await cli(dataDir, ['api-key', 'create', 'shop', '--json']);
    const { key } = JSON.parse(made.out) as { key: string };
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const publish = () => fetch(`${server.url}/publish`, { method: 'POST', headers, body: '{"events":[]}' });
    expect((await publish()).status).toBe(200);
    const listed = await cli(dataDir, ['api-key', 'list']);
    expect(listed.out).toContain('shop');
    expect(listed.out).not.toContain(key);
    expect(await cli(dataDir, ['api-key', 'revoke', 'shop'])).toMatchObject({ code: 0, err: '' });
    await expect.poll(async () => (await publish()).status, { timeout: 15_000 }).toBe(401);
  });

  it('creates an account with a password from standard input, and lists accounts page by page', async () => {
    for (const name of ['Ann', 'ben', 'cid']) {
      const email = `${name}@list.example`;
      expect(await cli(dataDir, ['user', 'create', email, '--json'], `${PASSWORD}\n`)).toMatchObject({
        code: 0,
        err: '',
      });
    }
    const account = await server.app.get(AccountService, { strict: false }).verify('ann@list.example', PASSWORD);
    const first = await cli(dataDir, ['user', 'list', '--after', 'ana@list.example', '--limit', '2', '--json']);
    expect(JSON.parse(first.out)).toEqual([
      expect.objectContaining({
        id: account.id,
        viewerId: `user:${account.id}`,
        email: 'ann@list.example',
        disabledAt: null,
      }),
      expect.objectContaining({ email: 'ben@list.example' }),
    ]);
    expect(first.out).not.toMatch(/argon2|password/i);
    await cli(dataDir, ['user', 'disable', 'cid@list.example']);
    const rest = await cli(dataDir, ['user', 'list', '--after', 'ben@list.example']);
    expect(rest.out).toMatch(/^cid@list\.example {2}user:\S+ {2}since \S+ {2}disabled \S+$/m);
    const page = await cli(dataDir, ['user', 'list', '--limit', '1']);
    expect(page.out).toMatch(/There may be more: user list --after \S+@/);
    expect(await cli(dataDir, ['user', 'list', '--limit', '1001'])).toMatchObject({ code: 1, out: '' });
  });

  it('lists sessions, and closes the sockets of one that it revokes at once', async () => {
    const ada = await server.signedIn('ada');
    const socket = await ada.socket();
    const listed = JSON.parse((await cli(dataDir, ['sessions', 'list', ada.email, '--json'])).out) as { id: string }[];
    expect(listed).toHaveLength(1);
    const revoked = await cli(dataDir, ['sessions', 'revoke', listed[0]?.id ?? '', '--json']);
    expect(JSON.parse(revoked.out)).toEqual({ endedSessions: 1, nodesTold: true });
    expect(await socket.waitForClose()).toMatchObject({ code: CloseCode.Unauthorized });
  });

  it("writes audit events to the server's log, not to the terminal", async () => {
    const recorded: string[] = [];
    const audit = server.app.get(AuditLog);
    const record = audit.record.bind(audit);
    audit.record = (event, entry) => {
      recorded.push(`${event} ${entry.by}`);
      record(event, entry);
    };
    clean.push(() => (audit.record = record));
    expect(await cli(dataDir, ['invitation', 'create', '--json'])).toMatchObject({ code: 0, err: '' });
    expect(recorded).toEqual(['invitation-created operator']);
  });

  it('publishes an event, and migrates nothing', async () => {
    const ada = await server.signedIn('ada');
    const published = await cli(dataDir, ['publish', 'user_count', ada.viewerId, '7', '--url', server.url, '--json']);
    expect(published).toMatchObject({ code: 0, err: '' });
    expect(await cli(dataDir, ['migrate', '--json'])).toMatchObject({ code: 0, out: '{"migrated":true}\n' });
  });

  it('says in one line what is wrong, with exit code 1', async () => {
    expect(await cli(dataDir, ['sessions', 'list', 'nobody@example.org'])).toEqual({
      code: 1,
      out: '',
      err: 'sallyport: There is no account with this e-mail.\n',
    });
    const taken = await cli(dataDir, ['user', 'create', 'weak@example.org'], 'short\n');
    expect(taken).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^sallyport: .*\n$/) as string });
  });

  it.each([
    ['by the server', ['audit', '--follow', '--limit', '1']],
    ['by itself', ['secret', 'generate']],
  ])('ends quietly with exit code 1 when nobody reads its output: a command run %s', async (_, args) => {
    await cli(dataDir, ['invitation', 'create']);
    const env = { PATH: process.env['PATH'], DATA_DIR: dataDir };
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: tmpdir(), env });
    child.stdout.destroy();
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, err }).toEqual({ code: 1, err: '' });
  });

  it('refuses a command that writes files, which the server must not do', async () => {
    const seeded = await cli(dataDir, ['seed', '--users', '1', '--out', join(dataDir, 'tokens')]);
    expect(seeded).toMatchObject({ code: 1, out: '' });
    expect(seeded.err).toMatch(/^sallyport: Another process uses the embedded database .*\n$/);
    expect(existsSync(join(dataDir, 'tokens'))).toBe(false);
    const reply = await send(request({ args: ['seed', '--users', '1', '--out', join(dataDir, 'tokens')] }));
    expect(reply.at(-1)).toEqual({ code: 1 });
    expect(existsSync(join(dataDir, 'tokens'))).toBe(false);
  });

  it('runs no command of another version, and says what to do', async () => {
    const [error, end] = await send(request({ version: '0.0.1' }));
    expect(error).toEqual({ error: expect.stringMatching(/CLI 0\.0\.1: restart the server/) as string });
    expect(end).toEqual({ code: 1 });
  });

  it.each([
    ['no JSON', 'hello\n'],
    ['another shape', '{"args":"user list"}\n'],
    ['unknown fields', `${JSON.stringify({ version: VERSION, args: [], answers: [], cwd: '/' })}\n`],
    ['too many arguments', request({ args: Array.from({ length: 2_001 }, () => 'x') })],
    ['no end within 256 KiB', 'x'.repeat(300_000)],
  ])('answers %s with an error, and goes on serving', async (_, bytes) => {
    expect(await send(bytes)).toEqual([
      { error: 'sallyport: The server did not understand the command.\n' },
      { code: 1 },
    ]);
    expect((await send(request({ args: ['--version'] }))).at(0)).toEqual({ out: `${VERSION}\n` });
  });

  it.each([
    ['an unknown command', ['nonsense'], 1],
    ['an unknown option', ['user', 'list', '--nonsense'], 1],
    ['a value out of range', ['user', 'list', '--limit', '1001'], 1],
    ['a missing argument', ['sessions', 'revoke'], 1],
    ['a group without a command', ['user'], 1],
    ['a call for help', ['--help'], 0],
    ['a call for help with a command', ['user', 'list', '--help'], 0],
  ])('goes on serving after %s', async (_, args, code) => {
    const lines = await send(request({ args }));
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.at(-1)).toEqual({ code });
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  it('runs at most four commands at once', async () => {
    const idle = await Promise.all(Array.from({ length: 4 }, open));
    expect((await send(request({}))).at(0)).toEqual({
      error: expect.stringMatching(/four commands|4 commands/) as string,
    });
    for (const socket of idle) socket.destroy();
    await expect
      .poll(async () => (await send(request({ args: ['--version'] }))).at(-1), { timeout: 15_000 })
      .toEqual({ code: 0 });
  });

  it('closes a connection that sends no command in time', async () => {
    const socket = await open();
    await once(socket, 'close');
  });

  function request(given: object): string {
    return `${JSON.stringify({ version: VERSION, args: [], answers: [], ...given })}\n`;
  }

  async function open(): Promise<Socket> {
    const socket = connect(socketPath());
    clean.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  /** Sends bytes and returns the lines of the server's response. */
  async function send(bytes: string): Promise<unknown[]> {
    const socket = await open();
    socket.on('error', () => {});
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    socket.write(bytes);
    await once(socket, 'close');
    return received
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as unknown);
  }
});

describe('the command line, when the server is gone', () => {
  it('opens the database itself after the server was killed, and the next server takes the socket over', async () => {
    const folder = temporaryFolder('cli');
    await fillWithEmbedded(folder.path);
    const env = { DATA_DIR: folder.path };
    const first = await startServerProcess(env);
    await first.end('SIGKILL');
    expect(existsSync(join(folder.path, 'cli.sock'))).toBe(true);
    expect(await cli(folder.path, ['api-key', 'create', 'one', '--json'])).toMatchObject({ code: 0 });
    const second = await startServerProcess(env);
    expect((await cli(folder.path, ['api-key', 'list'])).out).toContain('one');
    // The running server has locked the database, so the command must have used its socket.
    expect(readFileSync(join(folder.path, 'pglite.lock'), 'utf8')).toContain(`"pid":${second.child.pid}`);
    await second.end();
    expect(existsSync(join(folder.path, 'cli.sock'))).toBe(false);
    expect(await cli(folder.path, ['api-key', 'list'])).toMatchObject({ code: 0 });
    folder.remove();
  });

  it('ends a command that goes on by itself when the server shuts down', async () => {
    const folder = temporaryFolder('cli');
    await fillWithEmbedded(folder.path);
    const server = await startServerProcess({ DATA_DIR: folder.path });
    await cli(folder.path, ['api-key', 'create', 'one']);
    const env = { PATH: process.env['PATH'], DATA_DIR: folder.path };
    const following = spawn(process.execPath, [MAIN, 'audit', '--follow'], { cwd: tmpdir(), env });
    let err = '';
    following.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    await once(following.stdout, 'data');
    const closed = once(following, 'close');
    expect(await server.end()).toBe(0);
    expect([await closed, err]).toEqual([[0, null], '']);
    folder.remove();
  });

  it('says so if the server ends before the command has', async () => {
    const folder = temporaryFolder('cli');
    const stopping = createServer((socket) => socket.once('data', () => socket.end('{"out":"half"}\n')));
    stopping.listen(join(folder.path, 'cli.sock'));
    await once(stopping, 'listening');
    chmodSync(join(folder.path, 'cli.sock'), 0o600);
    const ran = await cli(folder.path, ['api-key', 'list']);
    expect(ran).toMatchObject({ code: 1, out: 'half' });
    expect(ran.err).toMatch(/^sallyport: The server stopped or hung before the command ended: .*\n$/);
    stopping.close();
    folder.remove();
  });
});

it('a server whose DATA_DIR has a path too long for a socket starts without one', async () => {
  const folder = temporaryFolder('cli');
  const dataDir = join(folder.path, 'd'.repeat(120));
  await fillWithEmbedded(dataDir);
  const server = await startServer({ env: { DATA_DIR: dataDir } });
  expect(readdirSync(dataDir).filter((name) => name.includes('cli'))).toEqual([]);
  await server.stop();
  folder.remove();
});

describe('--version', () => {
  it('prints the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await cli(tmpdir(), ['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  it('stands in the help beside every command', async () => {
    const { out } = await cli(tmpdir(), ['--help']);
    for (const name of ['--version', '--json', 'user', 'sessions', 'api-key', 'config', 'secret', 'migrate', 'publish'])
      expect(out).toContain(name);
  });
});
