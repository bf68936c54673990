import { randomUUID } from 'node:crypto';
import { getHeapSnapshot } from 'node:v8';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { openSocket } from '../src/testing/live-socket.js';
import { rawUpgrade } from './kit/raw-upgrade.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';

let server: TestServer;
let ada: SignedIn;

beforeAll(async () => {
  server = await startServer({
    env: {
      USER_COUNT_INTERVAL_SECONDS: '3600',
      ALLOWED_ORIGINS: 'https://app.example',
      TRUSTED_PROXIES: '127.0.0.1',
      MAX_CONNECTIONS_PER_ADDRESS: '30',
      MAX_CONNECTIONS_PER_VIEWER: '3',
    },
  });
  ada = await server.signedIn('ada');
});

afterAll(() => server.stop());

describe('the upgrade', () => {
  const upgrade = (headers: Record<string, string | null> = {}, path = '/graphql') =>
    rawUpgrade(server.url, { path, headers });

  it.each(['https://app.example', null])('OR-1 OR-3 opens for the origin %s', async (origin) => {
    expect((await upgrade({ origin })).status).toBe(101);
  });

  it.each([
    'https://evil.example',
    'https://app.example.evil.tld',
    'https://evilapp.example',
    'http://app.example',
    'https://app.example:8443',
    'https://app.example@evil.tld',
    'null',
    '',
  ])('OR-1 OR-2 refuses the origin %j before the 101', async (origin) => {
    expect(await upgrade({ origin })).toMatchObject({ status: 403, destroyed: true });
  });

  it('OR-1 refuses two Origin headers', async () => {
    const twice = 'https://app.example\r\nOrigin: https://app.example';
    expect((await upgrade({ origin: twice })).status).toBe(403);
  });

  it.each(['/graphqlx', '/graphql/', '/', '/other', '//graphql', '/GRAPHQL'])(
    'WS-10 answers an upgrade of %s with 404 and destroys the socket',
    async (path) => {
      expect(await upgrade({}, path)).toMatchObject({ status: 404, destroyed: true });
    },
  );

  it.each(['graphql-ws', 'graphql-transport-ws-2', null])('WS-10 refuses the subprotocol %s', async (protocol) => {
    expect(await upgrade({ 'sec-websocket-protocol': protocol })).toMatchObject({ status: 400, destroyed: true });
  });

  it('TK-10 refuses a token in the URL, valid or not', async () => {
    const answer = await upgrade({}, `/graphql?token=${await ada.browser.token()}`);
    expect(answer).toMatchObject({ status: 400, destroyed: true });
    expect(answer.body).toContain('connection_init');
  });

  it('TK-10 finds a token after a question mark within the query', async () => {
    expect(await upgrade({}, '/graphql?next=?&token=x')).toMatchObject({ status: 400, destroyed: true });
  });

  it('WS-4 does not accept compression', async () => {
    const answer = await upgrade({ 'sec-websocket-extensions': 'permessage-deflate' });
    expect(answer.status).toBe(101);
    expect(answer.headers.has('sec-websocket-extensions')).toBe(false);
  });

  it('WS-7 answers 429 only to an address with too many sockets', async () => {
    const address = '203.0.113.7';
    const open = await Promise.all(Array.from({ length: 30 }, () => openSocket(server.url, { address })));
    expect(await upgrade({ 'x-forwarded-for': address })).toMatchObject({ status: 429, destroyed: true });
    expect((await upgrade({ 'x-forwarded-for': '203.0.113.8' })).status).toBe(101);
    await Promise.all(open.map((socket) => socket.close()));
  });
});

describe('connection_init', () => {
  const closing = async (payload: unknown): Promise<number> => {
    const socket = await openSocket(server.url);
    socket.send(JSON.stringify({ type: 'connection_init', payload }));
    return (await socket.waitForClose()).code;
  };

  it('is answered with the end of the session', async () => {
    const socket = await openSocket(server.url);
    const ack = await socket.init({ token: await ada.browser.token() });
    expect(Date.parse(String(ack['expiresAt']))).toBeGreaterThan(Date.now());
    expect(Object.keys(ack)).toEqual(['expiresAt']);
    await socket.close();
  });

  it.each([
    ['no payload', undefined],
    ['no token', {}],
    ['an empty token', { token: '' }],
    ['a number', { token: 7 }],
    ['an object', { token: { sub: 'user:1' } }],
    ['text', { token: 'let me in' }],
    ['three empty segments', { token: '..' }],
    ['a token of another size', { token: 'a'.repeat(5000) }],
    ['a prototype', JSON.parse('{"__proto__":{"token":"x","viewer":"user:1"}}')],
  ])('TK-12 refuses %s with 4403', async (_, payload: unknown) => {
    expect(await closing(payload)).toBe(CloseCode.Forbidden);
  });

  it.each([
    ['a prototype', '{"__proto__":{"isAdmin":true}}'],
    ['a constructor', '{"constructor":{"prototype":{"isAdmin":true}}}'],
    ['5,000 levels', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`],
    ['a list', '[{"token":"x"}]'],
  ])('WS-9 ignores %s in the payload', async (_, payload) => {
    const socket = await openSocket(server.url);
    socket.send(`{"type":"connection_init","payload":${payload}}`);
    expect([CloseCode.Forbidden, CloseCode.BadRequest]).toContain((await socket.waitForClose()).code);
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });

  it('TK-1 refuses a token with one character changed', async () => {
    const token = await ada.browser.token();
    const changed = token.slice(0, -2) + (token.at(-2) === 'A' ? 'B' : 'A') + token.slice(-1);
    expect(await closing({ token: changed })).toBe(CloseCode.Forbidden);
  });

  it.each([['no payload'], ['an empty payload', {}], ['a payload without a token', { resumable: true }]])(
    'OR-4 is not authenticated by a cookie: %s with a valid cookie and an allowed origin is refused',
    async (_, payload?: Record<string, unknown>) => {
      const cookie = [...ada.browser.cookies].map((pair) => pair.join('=')).join('; ');
      expect(cookie).toContain('sallyport=');
      const socket = await openSocket(server.url, { origin: 'https://app.example', cookie });
      socket.send({ type: 'connection_init', ...(payload ? { payload } : {}) });
      expect((await socket.waitForClose()).code).toBe(CloseCode.Forbidden);
      // The cookie that did not open a socket is valid over HTTP.
      expect(await ada.browser.me()).not.toBeNull();
    },
  );

  it('WS-1 is waited for three seconds and no longer', async () => {
    const socket = await openSocket(server.url);
    expect((await socket.waitForClose()).code).toBe(CloseCode.ConnectionInitialisationTimeout);
  });

  it('WS-7 refuses the fourth socket of one viewer with "try again later"', async () => {
    const sockets = [await ada.socket(), await ada.socket(), await ada.socket()];
    expect(await closing({ token: await ada.browser.token() })).toBe(CloseCode.TryAgainLater);
    await Promise.all(sockets.map((socket) => socket.close()));
  });

  it('WS-11 a second one closes with 4429', async () => {
    const socket = await ada.socket();
    socket.send({ type: 'connection_init', payload: {} });
    expect((await socket.waitForClose()).code).toBe(CloseCode.TooManyInitialisationRequests);
  });
});

describe('messages', () => {
  it.each([
    ['text that is no JSON', '{'],
    ['JSON that is no message', '[]'],
    ['an unknown type', '{"type":"start"}'],
    ['a subscribe without a query', '{"type":"subscribe","id":"1","payload":{}}'],
    ['a very long operation id', JSON.stringify({ type: 'subscribe', id: 'x'.repeat(200), payload: { query: '{a}' } })],
    ['the JSON of the text of a message', JSON.stringify('{"type":"ping"}')],
    ['null', 'null'],
    ['a list of messages', '[{"type":"ping"}]'],
  ])('WS-11 closes with 4400 on %s', async (_, text) => {
    const socket = await ada.socket();
    socket.send(text);
    expect((await socket.waitForClose()).code).toBe(CloseCode.BadRequest);
  });

  it('are not kept as text while their subscription runs', async () => {
    const [dropped, id] = [randomUUID(), randomUUID()];
    const socket = await ada.socket();
    // Of a name that is given twice, JSON.parse keeps the last: only the text has the first.
    socket.send(`{"id":"${dropped}","id":"${id}","type":"subscribe","payload":{"query":"subscription { userCount }"}}`);
    await socket.settled();
    let heap = '';
    for await (const chunk of getHeapSnapshot()) heap += String(chunk);
    expect(heap.includes(`\\"id\\":\\"${dropped}\\",`)).toBe(false);
    expect(heap.includes(`"${id}"`)).toBe(true);
    await socket.close();
  });

  it('WS-11 closes with 4400 on a binary message', async () => {
    const socket = await ada.socket();
    socket.ws.send(Buffer.from([1, 2, 3]));
    expect((await socket.waitForClose()).code).toBe(CloseCode.BadRequest);
  });

  it('WS-11 closes with 4401 on a subscribe before the ack', async () => {
    const socket = await openSocket(server.url);
    socket.subscribe('1', 'subscription { userCount }');
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
  });

  it.each(['1', '__proto__', 'constructor'])('WS-5 closes with 4409 if the id %j is in use', async (id) => {
    const socket = await ada.socket();
    socket.subscribe(id, 'subscription { userCount }');
    await socket.settled();
    socket.subscribe(id, 'subscription { userCount }');
    expect((await socket.waitForClose()).code).toBe(CloseCode.SubscriberAlreadyExists);
  });

  it('WS-5 closes with 1008 at the 101st subscription of one socket', async () => {
    const socket = await ada.socket();
    for (let id = 1; id <= 101; id++) socket.subscribe(String(id), 'subscription { userCount }');
    expect((await socket.waitForClose()).code).toBe(CloseCode.PolicyViolation);
  });

  it('WS-2 closes with 1009 on a message over 64 KiB, also before the ack', async () => {
    const socket = await openSocket(server.url);
    socket.ws.send('x'.repeat(64 * 1024 + 1));
    expect((await socket.waitForClose()).code).toBe(CloseCode.MessageTooBig);
  });

  it('WS-3 closes with 1008 on a flood of pings, sooner before the ack', async () => {
    const stranger = await openSocket(server.url);
    for (let sent = 0; sent < 20; sent++) stranger.send({ type: 'ping' });
    expect((await stranger.waitForClose()).code).toBe(CloseCode.PolicyViolation);
    const known = await ada.socket();
    for (let sent = 0; sent < 500; sent++) known.send({ type: 'ping' });
    expect((await known.waitForClose()).code).toBe(CloseCode.PolicyViolation);
  });

  it('answers a ping with a bare pong and echoes nothing', async () => {
    const socket = await ada.socket();
    socket.send({ type: 'ping', payload: { canary: 'canary-1' } });
    expect(await socket.waitForMessage('pong')).toEqual({ type: 'pong' });
    await socket.close();
  });
});

describe('refresh in band', () => {
  it('a ping with a new token of the same session is answered with the new end', async () => {
    const socket = await ada.socket();
    socket.send({ type: 'ping', payload: { token: await ada.browser.token() } });
    const { payload } = await socket.waitForMessage('pong');
    expect(Object.keys(payload as object)).toEqual(['expiresAt']);
    await socket.close();
  });

  it.each(['another person', 'another session of the same person'])('a token of %s closes with 4403', async (whose) => {
    const socket = await ada.socket();
    const browser = server.browser();
    if (whose === 'another person') await browser.register();
    else await browser.login(ada);
    socket.send({ type: 'ping', payload: { token: await browser.token() } });
    expect((await socket.waitForClose()).code).toBe(CloseCode.Forbidden);
  });
});
