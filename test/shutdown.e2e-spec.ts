import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startServer } from './kit/server.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { storage } from './kit/storage.js';

const REQUESTS = 24;

let server: ServerProcess;
let env: Readonly<Record<string, string>>;
let removeStorage: () => Promise<void>;

beforeAll(async () => {
  const stored = await storage({});
  env = stored.env;
  removeStorage = stored.remove;
  server = await startServerProcess({ ...env, NODE_ENV: 'development', THROTTLE_EXEMPT: '127.0.0.0/8' });
});

afterAll(async () => {
  await server.end('SIGKILL');
  await removeStorage();
});

/**
 * Starts a registration; `continued` resolves when the server has asked for the body (RFC 9110, section 10.1.1).
 * Each needs a password hash, and only three are computed at a time, so most of them wait inside the server.
 */
function register(index: number): { continued: Promise<unknown>; status: Promise<number> } {
  const query = 'mutation ($e: String!) { register(email: $e, password: "correct horse battery staple") { id } }';
  const body = JSON.stringify({ query, variables: { e: `person-${index}@example.com` } });
  const headers = { 'content-type': 'application/json', 'content-length': body.length, expect: '100-continue' };
  const sent = request(`${server.url}/graphql`, { method: 'POST', headers, agent: false });
  const status = new Promise<number>((resolve, reject) => {
    sent.once('error', reject);
    sent.once('response', (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    });
  });
  const continued = once(sent, 'continue').then(() => sent.end(body));
  sent.flushHeaders();
  return { continued, status };
}

it('SIGTERM lets running requests finish, and the process exits with code 0', async () => {
  const registrations = Array.from({ length: REQUESTS }, (_, index) => register(index));
  await Promise.all(registrations.map(({ continued }) => continued));
  const exit = server.end('SIGTERM');
  const answers = await Promise.allSettled(registrations.map(({ status }) => status));
  const statuses = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : 'no answer'));
  expect(statuses).toEqual(Array.from({ length: REQUESTS }, () => 200));
  expect(await exit).toBe(0);
  const cli = ['dist/server/cli/main.js', 'audit', '--event', 'registered', '--limit', '100', '--json'];
  const run = promisify(execFile)(process.execPath, cli, { env: { PATH: process.env['PATH'], ...env } });
  expect((await run).stdout.match(/"registered"/g)).toHaveLength(REQUESTS);
});

it('a request that arrives while running ones finish gets 503 in the format of its route', async () => {
  const node = await startServer();
  const headers = { 'content-type': 'application/json', 'content-length': 2, expect: '100-continue' };
  const running = request(`${node.url}/graphql`, { method: 'POST', headers, agent: false });
  const answered = once(running, 'response');
  const continued = once(running, 'continue');
  running.flushHeaders();
  await continued;
  const stopped = node.stop();
  await vi.waitFor(async () => expect((await fetch(`${node.url}/healthz`)).status).toBe(503), 10_000);
  const close = { connection: 'close' };
  const ready = await fetch(`${node.url}/readyz`, { headers: close });
  expect([ready.status, await ready.json()]).toMatchObject([
    503,
    { status: 'unavailable', checks: { node: 'draining', database: 'ok' } },
  ]);
  const post = (path: string) => fetch(`${node.url}${path}`, { method: 'POST', headers: close });
  const published = await post('/publish');
  expect(published.headers.get('retry-after')).toBe('1');
  expect([published.status, await published.json()]).toMatchObject([503, { error: { code: 'UNAVAILABLE' } }]);
  const queried = await post('/graphql');
  expect([queried.status, await queried.json()]).toMatchObject([
    503,
    { errors: [{ extensions: { code: 'UNAVAILABLE' } }] },
  ]);
  running.end('{}');
  await answered;
  await stopped;
});
