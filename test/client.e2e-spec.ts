import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Gap, LiveClient, LiveState } from '../client/index.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { WireClients, QUERY, isoAfter, sendNext } from './kit/wire-clients.js';

let live: WireClients;

beforeEach(async () => {
  live = await WireClients.start();
});

afterEach(() => live.end());

/** Time stands still until the test advances it. */
function fakeTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  live.atEnd(() => vi.useRealTimers());
}

describe('connecting', () => {
  it('sends a token fetched for this connection and asks for cursors', async () => {
    live.follow(live.connect());
    const { init } = await live.server.admit();
    expect(init).toEqual({ token: 'token-1', resumable: true, positions: true });
  });

  it('opens no socket before it has a token', async () => {
    let give: (token: string) => void = () => {};
    const arrived = vi.fn();
    void live.server.next().then(arrived);
    const asked = new Promise<void>((resolve) => {
      live.follow(live.connect({ getToken: () => (resolve(), new Promise((answer) => (give = answer))) }));
    });
    await asked;
    expect(arrived).not.toHaveBeenCalled();
    give('late');
    await vi.waitFor(() => expect(arrived).toHaveBeenCalled());
  });

  it('shares one connection and one token between subscriptions', async () => {
    const getToken = vi.fn(async () => 'token');
    const client = live.connect({ getToken });
    live.follow(client);
    live.follow(client);
    const { connection } = await live.server.admit();
    await connection.receive('subscribe');
    await connection.receive('subscribe');
    expect(getToken).toHaveBeenCalledTimes(1);
  });

  it('stays connecting when another subscription replaces the first before there is a token', async () => {
    const states: LiveState[] = [];
    const client = live.connect({ onState: (state) => states.push(state) });
    client.subscribe({ query: QUERY }, { next() {}, error() {}, complete() {} })();
    live.follow(client);
    await live.server.admit();
    await vi.waitFor(() => expect(client.state).toBe('live'));
    expect(states).toEqual(['connecting', 'idle', 'connecting', 'live']);
  });

  it('disconnects when the last subscription ends and reconnects with the next one', async () => {
    const client = live.connect();
    const stop = client.subscribe({ query: QUERY }, { next() {}, error() {}, complete() {} });
    const { connection } = await live.server.admit();
    await connection.receive('subscribe');
    stop();
    expect(await connection.closed).toBe(CloseCode.Normal);
    await vi.waitFor(() => expect(client.state).toBe('idle'));
    live.follow(client);
    await live.server.admit();
  });
});

describe('terminating', () => {
  it('lets the next subscription connect with a new token, as another user needs it', async () => {
    const client = live.connect({ lazyCloseTimeout: 60_000 });
    const stop = client.subscribe({ query: QUERY }, { next() {}, error() {}, complete() {} });
    const { connection } = await live.server.admit();
    await connection.receive('subscribe');
    stop();
    client.terminate();
    expect(client.state).toBe('idle');
    live.follow(client);
    expect((await live.server.admit()).init['token']).toBe('token-2');
  });
});

describe('reconnecting', () => {
  it('survives a server that refuses connections for a while', async () => {
    const connecting = vi.fn();
    const client = live.connect({ on: { connecting } });
    const { next } = live.follow(client);
    const { connection } = await live.server.admit();
    sendNext(connection, (await connection.receive('subscribe')).id, 1);
    expect(await next()).toBe(1);
    const restart = await live.stopServer();
    await vi.waitFor(() => expect(connecting.mock.calls.length).toBeGreaterThan(4), { timeout: 15_000 });
    expect(client.state).toBe('reconnecting');
    await restart();
    const { connection: again, init } = await live.server.admit();
    expect(init['token']).not.toBe('token-1');
    sendNext(again, (await again.receive('subscribe')).id, 2);
    expect(await next()).toBe(2);
    expect(client.state).toBe('live');
  });

  it.each([
    CloseCode.ServiceRestart,
    CloseCode.TryAgainLater,
    CloseCode.Forbidden,
    CloseCode.ReaderTooSlow,
    CloseCode.ConnectionInitialisationTimeout,
    1011,
    4500,
  ])('reconnects with a new token after %i', async (code) => {
    live.follow(live.connect());
    (await live.server.admit()).connection.close(code);
    expect((await live.server.admit()).init['token']).toBe('token-2');
  });

  // The last three are codes with which graphql-ws itself closes, for good.
  it.each([CloseCode.PolicyViolation, CloseCode.BadRequest, CloseCode.TooManyInitialisationRequests, 4004, 4005, 4406])(
    'stops permanently after %i, and says so',
    async (code) => {
      const client = live.connect();
      const { values } = live.follow(client);
      (await live.server.admit()).connection.close(code);
      await expect(values.next()).rejects.toMatchObject({ code });
      expect(client.state).toBe('stopped');
      client.check();
      expect(client.state).toBe('stopped');
    },
  );

  /** Returns a client that always waits the longest allowed time, on its second connection, which has been live for `heldMs`. */
  async function onSecondConnection(heldMs: number) {
    fakeTime();
    vi.spyOn(Math, 'random').mockReturnValue(1);
    live.atEnd(() => void vi.restoreAllMocks());
    const getToken = vi.fn(async () => 'token');
    const client = live.connect({ getToken });
    live.follow(client);
    (await live.server.admit()).connection.cut();
    await lost(client);
    await vi.advanceTimersByTimeAsync(500);
    const { connection } = await live.server.admit();
    await connection.receive('subscribe');
    await vi.advanceTimersByTimeAsync(heldMs);
    connection.close(CloseCode.ServiceRestart);
    await lost(client);
    return getToken;
  }

  /** Waits until the connection is lost, without `vi.waitFor`, which would advance the fake timers. */
  async function lost(client: LiveClient): Promise<void> {
    while (client.state !== 'reconnecting') await new Promise((resolve) => void setImmediate(resolve));
  }

  it('connects to another node at once after 1012, whatever the delay was before', async () => {
    const getToken = await onSecondConnection(2000);
    // Fake timers stand still here: a client that waited would never reconnect.
    await live.server.admit();
    expect(getToken).toHaveBeenCalledTimes(3);
  });

  it('waits as after any other close when a server sends 1012 to new connections', async () => {
    const getToken = await onSecondConnection(100);
    await new Promise((resolve) => void setImmediate(resolve));
    expect(getToken).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1000);
    await live.server.admit();
    expect(getToken).toHaveBeenCalledTimes(3);
  });

  it('waits as after any other close when a server or a proxy closes with 1000', async () => {
    fakeTime();
    vi.spyOn(Math, 'random').mockReturnValue(1);
    live.atEnd(() => void vi.restoreAllMocks());
    const states: LiveState[] = [];
    const client = live.connect({ onState: (state) => states.push(state) });
    live.follow(client);
    (await live.server.admit()).connection.close(CloseCode.Normal);
    while (states.length < 3) await new Promise((resolve) => void setImmediate(resolve));
    expect(states).toEqual(['connecting', 'live', 'reconnecting']);
    await vi.advanceTimersByTimeAsync(500);
    expect((await live.server.admit()).init['token']).toBe('token-2');
  });

  it('connects as soon as the network is back, also for a subscription that started meanwhile', async () => {
    const navigator = { onLine: true };
    const page = new EventTarget();
    vi.stubGlobal('navigator', navigator);
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
    live.atEnd(() => vi.unstubAllGlobals());
    const client = live.connect();
    const stop = client.subscribe({ query: QUERY }, { next() {}, error() {}, complete() {} });
    const { connection } = await live.server.admit();
    await connection.receive('subscribe');
    navigator.onLine = false;
    connection.cut();
    await vi.waitFor(() => expect(client.state).toBe('offline'));
    stop();
    live.follow(client);
    expect(client.state).toBe('offline');
    navigator.onLine = true;
    page.dispatchEvent(new Event('online'));
    await live.server.admit();
  });

  it('abandons a server that answers no ping, and reconnects', async () => {
    fakeTime();
    const client = live.connect();
    live.follow(client);
    const { connection } = await live.server.admit();
    await connection.receive('subscribe');
    await vi.advanceTimersByTimeAsync(20_000);
    await connection.receive('ping');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(client.state).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(3_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await live.server.admit()).init['token']).toBe('token-2');
  });
});

describe('a connection that the client has abandoned', () => {
  it('is ignored: events that its server still sends are delivered by the next connection only', async () => {
    const client = live.connect();
    const { next } = live.follow(client);
    const { connection: stalled } = await live.server.admit();
    const { id } = await stalled.receive('subscribe');
    sendNext(stalled, id, 1, { cursor: 'e.1' });
    expect(await next()).toBe(1);
    stalled.freeze();
    client.terminate();
    const { connection } = await live.server.admit();
    const { payload } = await connection.receive('subscribe');
    expect(payload).toMatchObject({ extensions: { resume: 'e.1' } });
    for (const n of [2, 3]) sendNext(stalled, id, n, { cursor: `e.${n}` });
    stalled.send({ type: 'ping', payload: { operation: id, cursor: 'e.0', recovered: false } });
    await stalled.written();
    for (const n of [2, 3, 4]) sendNext(connection, id, n, { cursor: `e.${n}` });
    expect([await next(), await next(), await next()]).toEqual([2, 3, 4]);
    connection.cut();
    const { connection: third } = await live.server.admit();
    expect((await third.receive('subscribe')).payload).toMatchObject({ extensions: { resume: 'e.4' } });
  });

  it('is ignored after a sign-out too', async () => {
    const tokens = ['one', null];
    const onGap = vi.fn();
    const client = live.connect({ getToken: async () => tokens.shift() ?? null, onGap });
    const { values } = live.follow(client);
    fakeTime();
    const { connection } = await live.server.admit(isoAfter(8_000));
    const { id } = await connection.receive('subscribe');
    connection.freeze();
    await vi.advanceTimersByTimeAsync(8_000);
    await expect(values.next()).rejects.toMatchObject({ code: CloseCode.Unauthorized });
    const message = vi.fn();
    client.on('message', message);
    sendNext(connection, id, 1, { cursor: 'e.1', recovered: false });
    await connection.written();
    live.follow(live.connect());
    await live.server.admit();
    expect(message).not.toHaveBeenCalled();
  });
});

describe('resuming', () => {
  it('resumes after the last cursor, whatever the caller does with its payload', async () => {
    const client = live.connect();
    const payload = { query: QUERY, variables: { a: 1 } };
    const { next } = live.follow(client, payload);
    Object.freeze(payload);
    const { connection } = await live.server.admit();
    const first = await connection.receive('subscribe');
    expect(first.payload).toEqual({ query: QUERY, variables: { a: 1 } });
    sendNext(connection, first.id, 1, { cursor: 'e.1' });
    sendNext(connection, first.id, 2, { cursor: 'e.2' });
    expect([await next(), await next()]).toEqual([1, 2]);
    connection.cut();
    const { connection: again } = await live.server.admit();
    const second = await again.receive('subscribe');
    expect(second.payload).toEqual({ query: QUERY, variables: { a: 1 }, extensions: { resume: 'e.2' } });
    sendNext(again, second.id, 3, { cursor: 'e.3', recovered: true });
    expect(await next()).toBe(3);
  });

  it("starts from the caller's cursor", async () => {
    const client = live.connect();
    live.follow(client, { query: QUERY, extensions: { resume: 'kept' } } as { query: string });
    const { connection } = await live.server.admit();
    expect((await connection.receive('subscribe')).payload).toMatchObject({ extensions: { resume: 'kept' } });
  });

  it('reports a gap before the event after it', async () => {
    const gaps: Gap[] = [];
    const { next } = live.follow(live.connect({ onGap: (gap) => gaps.push(gap) }));
    const { connection } = await live.server.admit();
    sendNext(connection, (await connection.receive('subscribe')).id, 1, { cursor: 'e.1' });
    await next();
    connection.cut();
    const { connection: again } = await live.server.admit();
    sendNext(again, (await again.receive('subscribe')).id, 9, { cursor: 'f.1', recovered: false });
    expect(await next()).toBe(9);
    expect(gaps).toEqual([{ payload: { query: QUERY } }]);
  });

  it('resumes from where a subscription started if it has received no event yet', async () => {
    live.follow(live.connect());
    const { connection } = await live.server.admit();
    const { id = '' } = await connection.receive('subscribe');
    connection.send({ type: 'ping', payload: { operation: id, cursor: 'e.0' } });
    await connection.receive('pong');
    connection.cut();
    const { connection: again } = await live.server.admit();
    expect((await again.receive('subscribe')).payload).toMatchObject({ extensions: { resume: 'e.0' } });
  });

  it('reports a gap as soon as the server does, and once', async () => {
    const onGap = vi.fn();
    const { next } = live.follow(live.connect({ onGap }), { query: QUERY, extensions: { resume: 'old' } } as {
      query: string;
    });
    const { connection } = await live.server.admit();
    const { id = '' } = await connection.receive('subscribe');
    connection.send({ type: 'ping', payload: { operation: id, cursor: 'f.0', recovered: false } });
    await connection.receive('pong');
    expect(onGap).toHaveBeenCalledTimes(1);
    sendNext(connection, id, 1, { cursor: 'f.1', recovered: false });
    expect(await next()).toBe(1);
    expect(onGap).toHaveBeenCalledTimes(1);
  });

  it('ignores a ping about another operation', async () => {
    live.follow(live.connect());
    const { connection } = await live.server.admit();
    await connection.receive('subscribe');
    connection.send({ type: 'ping', payload: { operation: 'nobody', cursor: 'e.0' } });
    connection.send({ type: 'ping' });
    await connection.receive('pong');
    connection.cut();
    const { connection: again } = await live.server.admit();
    expect((await again.receive('subscribe')).payload).toEqual({ query: QUERY });
  });
});

describe('refreshing in band', () => {
  it('sends a new token before each expiry of the connection', async () => {
    fakeTime();
    const client = live.connect();
    live.follow(client);
    const { connection } = await live.server.admit(isoAfter(8_000));
    await connection.receive('subscribe');
    await vi.advanceTimersByTimeAsync(8_000);
    expect((await connection.receive('ping')).payload).toEqual({ token: 'token-2' });
    const renewed = new Promise<void>((resolve) => void client.on('pong', () => resolve()));
    connection.send({ type: 'pong', payload: { expiresAt: isoAfter(8_000) } });
    await renewed;
    await vi.advanceTimersByTimeAsync(8_000);
    expect((await connection.receive('ping')).payload).toEqual({ token: 'token-3' });
    expect(client.state).toBe('live');
  });

  it('signs out when there is no token any more', async () => {
    fakeTime();
    const tokens = ['one', null];
    const onSignedOut = vi.fn();
    const client = live.connect({ getToken: async () => tokens.shift() ?? null, onSignedOut });
    const { values } = live.follow(client);
    const { connection } = await live.server.admit(isoAfter(8_000));
    await connection.receive('subscribe');
    await vi.advanceTimersByTimeAsync(8_000);
    await expect(values.next()).rejects.toMatchObject({ code: CloseCode.Unauthorized });
    await connection.closed;
    expect(client.state).toBe('signedOut');
    expect(onSignedOut).toHaveBeenCalledTimes(1);
  });
});
