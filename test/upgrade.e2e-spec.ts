import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSocket } from '../src/testing/live-socket.js';
import { metric } from './kit/metric.js';
import { rawUpgrade } from './kit/raw-upgrade.js';
import { startServer, type TestServer } from './kit/server.js';

const QUERY = JSON.stringify({ query: '{ me { token } }' });

let server: TestServer;

beforeAll(async () => {
  server = await startServer({
    env: { USER_COUNT_INTERVAL_SECONDS: '3600', MAX_CONNECTIONS_PER_ADDRESS: '3', PUBLIC_URL: 'https://app.example' },
  });
});

afterAll(() => server.stop());

/** Sends the pieces one after the other over one connection; returns all bytes received until the server closes it. */
function exchange(...pieces: string[]): Promise<string> {
  const { port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(Number(port), '127.0.0.1');
    socket.setEncoding('latin1').on('data', (chunk) => (received += String(chunk)));
    socket.on('error', reject).on('end', () => resolve(received));
    for (const piece of pieces) socket.write(piece, 'latin1');
  });
}

const h2c =
  'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n';

describe('an upgrade to another protocol is ignored', () => {
  it('a GET is answered as without the upgrade', async () => {
    const answer = await exchange(`GET /healthz HTTP/1.1\r\nHost: a\r\n${h2c}\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n.*{"status":"ok"}$/s);
  });

  it('a POST keeps its body, whether it arrives with the head or after it', async () => {
    const head = `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${h2c}`;
    const whole = await exchange(`${head}Content-Length: ${QUERY.length}\r\n\r\n${QUERY}`);
    const half = QUERY.length / 2;
    const parts = [QUERY.slice(0, half), QUERY.slice(half)];
    const split = await exchange(`${head}Content-Length: ${QUERY.length}\r\n\r\n${parts[0]}`, parts[1] ?? '');
    const chunks = parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
    const chunked = await exchange(`${head}Transfer-Encoding: chunked\r\n\r\n`, ...chunks, '0\r\n\r\n');
    for (const answer of [whole, split, chunked]) expect(answer).toMatch(/^HTTP\/1\.1 200 OK.*"me":null/s);
  });

  it('the connection continues with the next request', async () => {
    const first = 'GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';
    const answers = await exchange(first, `GET /healthz HTTP/1.1\r\nHost: a\r\n${h2c}\r\n`);
    expect(answers.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
  });

  it('the rules of the route apply', async () => {
    const head = `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n${h2c}`;
    expect(await exchange(`${head}Content-Length: ${QUERY.length}\r\n\r\n${QUERY}`)).toMatch(/^HTTP\/1\.1 415/);
  });
});

describe('an upgrade that is not a WebSocket handshake is refused', () => {
  it.each([
    ['two Host headers', { host: 'a\r\nHost: b' }, 400],
    ['no Host header', { host: null }, 400],
    ['an old version', { 'sec-websocket-version': '8' }, 426],
    ['no key', { 'sec-websocket-key': null }, 400],
    ['two protocols', { upgrade: 'websocket, h2c' }, 400],
  ])('%s', async (_, headers, status) => {
    expect(await rawUpgrade(server.url, { headers })).toMatchObject({ status, destroyed: true });
  });

  it('by the gateway or by ws, and is counted', async () => {
    const refused = () => metric(server, 'sallyport_upgrades_refused_total', { status: '400' });
    const before = await refused();
    await rawUpgrade(server.url, { headers: { 'sec-websocket-key': null } });
    await rawUpgrade(server.url, { headers: { 'sec-websocket-protocol': 'graphql-transport-ws,,' } });
    expect(await refused()).toBe(before + 2);
  });

  const handshake =
    'Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n';

  it.each([
    ['HTTP/1.0', `GET /graphql HTTP/1.0\r\n${handshake}`, 400],
    ['a POST', `POST /graphql HTTP/1.1\r\n${handshake}`, 405],
  ])('%s', async (_, request, status) => {
    expect(await exchange(request)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });
});

describe('HD-1 the security headers are in the response', () => {
  const expected = {
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'x-content-type-options': 'nosniff',
  };

  it('to an upgrade that the gateway refuses, and to one that ws refuses', async () => {
    for (const headers of [{ origin: 'https://evil.example' }, { upgrade: 'websocket, h2c' }]) {
      expect(Object.fromEntries((await rawUpgrade(server.url, { headers })).headers)).toMatchObject(expected);
    }
  });
});

it('PX-1 a header with another address does not change limits if no proxy is trusted', async () => {
  const spoofs = ['x-forwarded-for', 'x-real-ip', 'forwarded', 'x-forwarded-host'];
  const sockets = await Promise.all(
    ['1.1.1.1', '2.2.2.2', '3.3.3.3'].map((address) => openSocket(server.url, { address })),
  );
  for (const name of spoofs) {
    const headers = { [name]: name === 'forwarded' ? 'for=9.9.9.9' : '9.9.9.9' };
    expect((await rawUpgrade(server.url, { headers })).status).toBe(429);
  }
  await Promise.all(sockets.map((socket) => socket.close()));
});
