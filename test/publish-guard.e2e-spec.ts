import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ApiKeyScope } from '../src/identity/api-keys/api-key-scopes.js';
import { hashApiKey, newApiKey } from '../src/identity/api-keys/api-key.js';
import { ApiKeyStore } from '../src/identity/api-keys/api-key.store.js';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { PublishRate } from '../src/live/publish/publish-rate.js';
import { Publisher } from '../src/live/publish/publisher.service.js';
import { HeldBodies } from '../src/server/http-api/held-bodies.js';
import { rawHttp, requestBytes } from './kit/raw-http.js';
import { startServer, type TestServer } from './kit/server.js';

const MEBIBYTE = 1024 * 1024;

let server: TestServer;
let key: string;

beforeAll(async () => {
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } });
  key = await makeKey('shop');
});
afterAll(() => server.stop());

async function makeKey(name: string, scopes?: readonly ApiKeyScope[]): Promise<string> {
  return (await server.app.get(ApiKeys).create(name, scopes)) ?? '';
}

const head = (authorization: string, ...more: (readonly [string, string])[]) =>
  requestBytes('POST /publish HTTP/1.1', [
    ['Host', new URL(server.url).host],
    ['Authorization', authorization],
    ['Content-Type', 'application/json'],
    ...more,
  ]);

describe('a wrong key', () => {
  it.each([
    ['of 700 kB', ['Content-Length', '700000']],
    ['in chunks', ['Transfer-Encoding', 'chunked']],
  ] as const)('is answered before a body %s has arrived', async (_, length) => {
    expect(await rawHttp(server.url, head(`Bearer ${newApiKey()}`, length))).toMatchObject({ status: 401 });
  });

  it('is refused before a body that cannot be read', async () => {
    const wrong = head(`Bearer ${newApiKey()}`, ['Content-Length', '1']);
    expect((await rawHttp(server.url, Buffer.concat([wrong, Buffer.from('{')]))).status).toBe(401);
  });

  it('with Expect: 100-continue is refused before the body; a valid key gets 100 Continue', async () => {
    const asking = [
      ['Content-Length', '13'],
      ['Expect', '100-continue'],
    ] as const;
    const wrong = await rawHttp(server.url, head(`Bearer ${newApiKey()}`, ...asking));
    expect(wrong).toMatchObject({ status: 401, invited: false });
    const body = Buffer.from('{"events":[]}');
    const good = await rawHttp(server.url, Buffer.concat([head(`Bearer ${key}`, ...asking), body]));
    expect(good).toMatchObject({ status: 200, invited: true });
  });
});

describe('concurrent request bodies', () => {
  /** Opens connections one by one; each announces a body of 1 MiB and sends none of it. */
  async function holding(
    count: number,
    authorization: string,
    length: readonly [string, string] = ['Content-Length', String(MEBIBYTE)],
  ): Promise<Socket[]> {
    const sockets = Array.from({ length: count }, () => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
      socket.on('error', () => {});
      socket.write(head(authorization, length));
      return socket;
    });
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    return sockets;
  }

  const publish = async (authorization: string) => {
    const body = Buffer.from('{"events":[]}');
    const length = ['Content-Length', String(body.length)] as const;
    return rawHttp(server.url, Buffer.concat([head(authorization, length), body]));
  };

  const release = (sockets: readonly Socket[]) => sockets.forEach((socket) => socket.destroy());

  const untilAnswered = (authorization: string, status: number) =>
    vi.waitFor(async () => expect((await publish(authorization)).status).toBe(status), { timeout: 10_000 });

  it('are limited per key, without affecting other keys', async () => {
    const busy = `Bearer ${await makeKey('busy')}`;
    const sockets = await holding(16, busy);
    await untilAnswered(busy, 429);
    const refused = await publish(busy);
    expect(JSON.parse(refused.body)).toMatchObject({ error: { code: 'TOO_MANY_REQUESTS', retryAfterSeconds: 1 } });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await publish(`Bearer ${key}`)).status).toBe(200);
    release(sockets);
    await untilAnswered(busy, 200);
  });

  it('take no memory if their client has gone while the key was looked up', async () => {
    const busy = `Bearer ${await makeKey('impatient')}`;
    const keys = server.app.get(ApiKeys);
    const verify = keys.verify.bind(keys);
    let answer: () => void = () => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const slow = vi.spyOn(keys, 'verify').mockImplementation(async (text, address) => {
      await answered;
      return verify(text, address);
    });
    const accepted: Socket[] = [];
    (server.app.getHttpServer() as Server).on('connection', (socket) => accepted.push(socket));
    const sockets = await holding(16, busy);
    await vi.waitFor(() => expect(slow).toHaveBeenCalledTimes(16));
    release(sockets);
    await vi.waitFor(() => expect(accepted.map(({ destroyed }) => destroyed)).toEqual(Array(16).fill(true)));
    slow.mockRestore();
    answer();
    expect((await publish(busy)).status).toBe(200);
    const more = await holding(15, busy);
    expect((await publish(busy)).status).toBe(200);
    release(more);
  });

  it('free their memory, each once, if they were pipelined and the client has gone before an answer', async () => {
    const held = server.app.get(HeldBodies, { strict: false });
    const hold = held.hold.bind(held);
    const released: ReturnType<typeof vi.fn>[] = [];
    const holding = vi.spyOn(held, 'hold').mockImplementation((...values) => {
      const release = vi.fn(hold(...values));
      released.push(release);
      return release;
    });
    const publisher = server.app.get(Publisher, { strict: false });
    const publishing = publisher.publish.bind(publisher);
    let answer: () => void = () => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const slow = vi.spyOn(publisher, 'publish').mockImplementation(async (...values) => {
      await answered;
      return publishing(...values);
    });
    const body = Buffer.from('{"events":[]}');
    const one = Buffer.concat([head(`Bearer ${key}`, ['Content-Length', String(body.length)]), body]);
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
    socket.write(Buffer.concat([one, one, one]));
    await vi.waitFor(() => expect(slow).toHaveBeenCalledTimes(3));
    socket.destroy();
    await vi.waitFor(() => expect(released.map(({ mock }) => mock.calls.length)).toEqual([1, 1, 1]));
    answer();
    await Promise.all(slow.mock.results.map(({ value }) => value as Promise<unknown>));
    expect(released.map(({ mock }) => mock.calls.length)).toEqual([1, 1, 1]);
    slow.mockRestore();
    holding.mockRestore();
  });

  it('are limited for the node, for all keys', async () => {
    const names = ['one', 'two', 'three', 'four'];
    const keys = await Promise.all(names.map(async (name) => `Bearer ${await makeKey(name)}`));
    const sockets = (await Promise.all(keys.map((one) => holding(16, one)))).flat();
    await untilAnswered(`Bearer ${key}`, 503);
    release(sockets);
    await untilAnswered(`Bearer ${key}`, 200);
  });

  it('without Content-Length count in the rate with their length, not with the maximum', async () => {
    const chunking = await makeKey('chunking');
    const chunked = Buffer.concat([
      head(`Bearer ${chunking}`, ['Transfer-Encoding', 'chunked']),
      Buffer.from('d\r\n{"events":[]}\r\n0\r\n\r\n'),
    ]);
    for (let request = 0; request <= 130; request++) expect((await rawHttp(server.url, chunked)).status).toBe(200);
  });

  it('count with the maximum size if they have no Content-Length', async () => {
    const busy = `Bearer ${await makeKey('chunky')}`;
    const sockets = await holding(16, busy, ['Transfer-Encoding', 'chunked']);
    await untilAnswered(busy, 429);
    release(sockets);
    await untilAnswered(busy, 200);
  });

  it('are released when their request has been answered', async () => {
    const once = `Bearer ${await makeKey('once')}`;
    for (let request = 0; request < 40; request++) {
      const body = Buffer.from(`{"events":[]${' '.repeat(MEBIBYTE - 100)}}`);
      const length = ['Content-Length', String(body.length)] as const;
      expect((await rawHttp(server.url, Buffer.concat([head(once, length), body]))).status).toBe(200);
    }
  });
});

it.each<[string, string, ApiKeyScope, number]>([
  ['that is not JSON', '{', 'publish', 400],
  ['without a list of events', '{"events":1}', 'publish', 400],
  ['of a key without the scope', '{"events":[]}', 'presence', 403],
])('a request %s counts in the rate of its key', async (what, body, scope, refused) => {
  const authorization = `Bearer ${await makeKey(what, [scope])}`;
  const { id } = (await server.app.get(ApiKeyStore).find(hashApiKey(authorization.slice('Bearer '.length))))!;
  const headers = { 'content-type': 'application/json', authorization };
  const publish = async () => (await fetch(`${server.url}/publish`, { method: 'POST', headers, body })).status;
  server.app.get(PublishRate).spend({ id }, 999_990);
  expect(await publish()).toBe(refused);
  await vi.waitFor(async () => expect(await publish()).toBe(429), { timeout: 2_000 });
});
