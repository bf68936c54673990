import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { freePort, isFree } from '../scripts/free-port.mjs';
import { startServer, type TestServer } from './kit/server.js';

/** Runs `npm run demo -- url`; returns its exit code and output. */
function demo(url: string | null, env: NodeJS.ProcessEnv = {}): Promise<{ code: number; output: string }> {
  const args = [fileURLToPath(new URL('../scripts/demo.mjs', import.meta.url)), ...(url === null ? [] : [url])];
  return new Promise((resolve) => {
    const options = { cwd: tmpdir(), env: { PATH: process.env['PATH'], ...env } };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr });
    });
  });
}

describe('npm run demo', () => {
  let server: TestServer;
  beforeAll(async () => void (server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '0.2' } })));
  afterAll(() => server.stop());

  it('runs a new user from the first cookie to the close code, and shows no token', async () => {
    const { code, output } = await demo(server.url);
    expect(output).toMatch(new RegExp(`closed +${CloseCode.Unauthorized} `));
    expect(output.match(/userCount +([1-9]|10) /g)).toHaveLength(3);
    expect(output).not.toMatch(/eyJ[\w-]+\.[\w-]+/);
    expect(code).toBe(0);
  });

  it('finds the server at PORT', async () => {
    const { output, code } = await demo(null, { PORT: new URL(server.url).port });
    expect(output).toMatch(/userCount/);
    expect(code).toBe(0);
  });

  it('says in one line that no server answers, and fails', async () => {
    const { code, output } = await demo(`http://127.0.0.1:${await freePort()}`);
    expect(output.trim().split('\n').at(-1)).toMatch(/Nothing answers at .*npm start/);
    expect(code).toBe(1);
  });

  it('says why the subscription fails, and ends although the socket is open', async () => {
    const me = { user: { id: '1', email: 'ada@example.com' }, token: 'token', tokenExpiresAt: 'soon' };
    const http = createHttpServer((_, response) => response.end(JSON.stringify({ data: { register: me.user, me } })));
    const sockets = new WebSocketServer({ server: http });
    useServer({ onSubscribe: () => [new GraphQLError('There is no such field.')] }, sockets);
    await once(http.listen(0, '127.0.0.1'), 'listening');
    const { code, output } = await demo(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
    expect(output.trim().split('\n').at(-1)).toBe('There is no such field.');
    expect(code).toBe(1);
    http.close();
  });

  it.each(['localhost:3000', '127.0.0.1:3000'])('refuses %s, which has no scheme', async (url) => {
    expect(await demo(url)).toEqual({
      code: 1,
      output: `"${url}" is not an http(s) URL. Use: npm run demo -- http://localhost:3000\n`,
    });
  });
});

describe('npm run demo:shop', () => {
  const script = fileURLToPath(new URL('../scripts/demo-shop.mjs', import.meta.url));
  let ports: { readonly PORT: string; readonly SHOP_PORT: string };
  beforeEach(async () => void (ports = { PORT: String(await freePort()), SHOP_PORT: String(await freePort()) }));

  it('opens the shop whatever settings of another server are in the environment', async () => {
    const settings = { STORE: 'redis', WORKERS: '2', NODE_ENV: 'production' };
    const child = spawn(process.execPath, [script], {
      env: { PATH: process.env['PATH'], ...settings, ...ports },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exit = once(child, 'close');
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await vi.waitFor(() => expect(output).toContain('The shop is open'), { timeout: 90_000, interval: 100 });
    const page = await fetch(`http://127.0.0.1:${ports.SHOP_PORT}/apps/live`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Demo shop')]);
    child.kill('SIGINT');
    expect(await exit).toEqual([0, null]);
  });

  it('says that the port of the shop is taken, and leaves no server behind', async () => {
    const occupant = createServer().listen(Number(ports.SHOP_PORT), '127.0.0.1');
    await once(occupant, 'listening');
    const child = spawn(process.execPath, [script], {
      env: { PATH: process.env['PATH'], ...ports },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(await isFree(Number(ports.PORT))).toBe(true);
    expect(errors).toMatch(/demo:shop: port \d+ cannot be used \(EADDRINUSE\): set another SHOP_PORT\.\n$/);
    occupant.close();
  });
});

describe('npm run dev', () => {
  it('uses the next free port for the web app if the usual one is in use', async () => {
    const helper = new URL('../scripts/free-port.mjs', import.meta.url).href;
    const { firstFreePort } = (await import(helper)) as { firstFreePort: (from: number) => Promise<number> };
    const taken = await freePort();
    const occupant = createServer();
    await new Promise<void>((resolve) => occupant.listen(taken, '127.0.0.1', resolve));
    expect(await firstFreePort(taken)).toBeGreaterThan(taken);
    occupant.close();
  });
});

describe('the commands of the README that publish', () => {
  it('work as they are copied', async () => {
    const server = await startServer();
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const block = /```sh\n(ID=[\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const script = block
      .replaceAll('localhost:3000', new URL(server.url).host)
      .replace('data/development-api-key', `${server.env['DATA_DIR']}/development-api-key`);
    const { stdout } = await promisify(execFile)('bash', ['-c', script]);
    await server.stop();
    expect(JSON.parse(stdout)).toEqual({ results: [{ cursor: expect.any(String) as string }] });
  });
});
