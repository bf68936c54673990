import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { CloseCode } from '../src/protocol/close-code.js';
import { SUBPROTOCOL } from '../src/protocol/payload.js';
import { Browser, newCredentials } from './kit/browser.js';
import { LiveSocket } from '../src/testing/live-socket.js';
import { startServerProcess, type ServerProcess } from './kit/server-process.js';
import { storage } from './kit/storage.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PROXY = '127.0.0.1';
const STRANGER = '127.0.0.2';
const LOGIN = 'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { id } }';

let server: ServerProcess;
let store: Awaited<ReturnType<typeof storage>>;
beforeAll(async () => {
  store = await storage({});
  const env = { TRUSTED_PROXIES: PROXY, LOG_LEVEL: 'debug', USER_COUNT_INTERVAL_SECONDS: '3600' };
  server = await startServerProcess({ ...store.env, ...env });
});
afterAll(async () => {
  await server.end();
  await store.remove();
});

interface Line {
  readonly event?: string;
  readonly route?: string;
  readonly requestId?: string;
}

/** Waits for at least `atLeast` log lines with this id and returns them. */
async function linesOf(requestId: string, atLeast: number): Promise<Line[]> {
  return vi.waitFor(() => {
    const lines = server.output().split('\n');
    const objects = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line);
    const own = objects.filter((line) => line.requestId === requestId);
    expect(own.length).toBeGreaterThanOrEqual(atLeast);
    return own;
  }, 30_000);
}

/** Fetches a page from one of this machine's addresses and returns the id in the response. */
async function idOf(path: string, from: string, given: string): Promise<unknown> {
  const asked = request(server.url + path, { localAddress: from, headers: { 'x-request-id': given } }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.resume();
  return answer.headers['x-request-id'];
}

/** Opens a socket with a proxy's id; returns the id in the response, and the socket. */
async function upgrade(given: string, path = '/graphql'): Promise<{ answer: IncomingMessage; socket: LiveSocket }> {
  const headers = { 'x-request-id': given };
  const ws = new WebSocket(server.url.replace(/^http/, 'ws') + path, SUBPROTOCOL, { headers });
  const answered = Promise.race([
    once(ws, 'upgrade'),
    once(ws, 'unexpected-response').then((facts: unknown[]) => [facts[1]]),
  ]);
  const socket = new LiveSocket(ws);
  socket.opened.catch(() => {});
  const [answer] = (await answered) as [IncomingMessage];
  return { answer, socket };
}

it('the id of a trusted proxy is in the response; other clients get a new one', async () => {
  expect(await idOf('/healthz', PROXY, 'proxy-1')).toBe('proxy-1');
  expect(await idOf('/nowhere', PROXY, 'proxy-2')).toBe('proxy-2');
  expect(await idOf('/%zz', PROXY, 'proxy-3')).toBe('proxy-3');
  expect(await idOf('/healthz', STRANGER, 'proxy-1')).toMatch(UUID);
  expect(await idOf('/healthz', PROXY, 'not safe: {}')).toMatch(UUID);
});

it('each line of a request has the id of its response', async () => {
  const answer = await new Browser(server.url).gql(LOGIN, { ...newCredentials() });
  const id = answer.headers.get('x-request-id') ?? '';
  expect(id).toMatch(UUID);
  const lines = await linesOf(id, 2);
  expect(new Set(lines.map(({ event, route }) => event ?? route))).toEqual(new Set(['/graphql', 'sign-in-failed']));
});

it('each line of a socket has the id of its upgrade, from its opening to its close', async () => {
  const browser = new Browser(server.url);
  await browser.register();
  const token = await browser.token();
  const { answer, socket } = await upgrade('socket-1');
  expect(answer.headers['x-request-id']).toBe('socket-1');
  await socket.opened;
  await socket.init({ token });
  await socket.close();
  const lines = await linesOf('socket-1', 2);
  expect(lines.map(({ event }) => event)).toEqual(['socket-opened', 'socket-closed']);
});

it('each line of a refused socket has the id of its upgrade, and so does the response', async () => {
  const refused = await upgrade('socket-2', '/elsewhere');
  expect([refused.answer.statusCode, refused.answer.headers['x-request-id']]).toEqual([404, 'socket-2']);
  expect((await linesOf('socket-2', 1)).map(({ event }) => event)).toEqual(['upgrade-refused']);
  const { socket } = await upgrade('socket-3');
  await socket.opened;
  socket.send({ type: 'connection_init', payload: { token: 'none' } });
  expect((await socket.waitForClose()).code).toBe(CloseCode.Forbidden);
  const lines = await linesOf('socket-3', 2);
  expect(lines.map(({ event }) => event)).toEqual(['socket-refused', 'socket-closed']);
});
