import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LiveState } from '../client/index.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { WireClients, QUERY, sendNext } from './kit/wire-clients.js';

let live: WireClients;

beforeEach(async () => {
  live = await WireClients.start();
});

afterEach(() => live.end());

describe('signing out', () => {
  it('stops on 4401 with an event, and connects again with the next subscription', async () => {
    const states: LiveState[] = [];
    const onSignedOut = vi.fn();
    const client = live.connect({ onSignedOut, onState: (state) => states.push(state) });
    const { values } = live.follow(client);
    (await live.server.admit()).connection.close(CloseCode.Unauthorized);
    await expect(values.next()).rejects.toMatchObject({ code: CloseCode.Unauthorized });
    expect(onSignedOut).toHaveBeenCalledTimes(1);
    live.follow(client);
    await live.server.admit();
    await vi.waitFor(() => expect(states).toEqual(['connecting', 'live', 'signedOut', 'connecting', 'live']));
  });

  it('connects again for a subscription of `onSignedOut`, and fails only those before it', async () => {
    const failed = vi.fn();
    const again = { next() {}, error: vi.fn(), complete() {} };
    const client = live.connect({ onSignedOut: () => client.subscribe({ query: QUERY }, again) });
    client.subscribe({ query: QUERY }, { next() {}, error: failed, complete() {} });
    (await live.server.admit()).connection.close(CloseCode.Unauthorized);
    await (await live.server.admit()).connection.receive('subscribe');
    expect(failed).toHaveBeenCalledTimes(1);
    expect(again.error).not.toHaveBeenCalled();
  });

  it('is signed out without a socket when getToken resolves to null', async () => {
    const arrived = vi.fn();
    void live.server.next().then(arrived);
    const { values } = live.follow(live.connect({ getToken: async () => null }));
    await expect(values.next()).rejects.toMatchObject({ code: CloseCode.Unauthorized });
    expect(arrived).not.toHaveBeenCalled();
  });
});

describe('ending', () => {
  it('is idle when a connection is lost that no subscription needs any more', async () => {
    const client = live.connect({ lazyCloseTimeout: 60_000 });
    const stop = client.subscribe({ query: QUERY }, { next() {}, error() {}, complete() {} });
    const { connection } = await live.server.admit();
    await connection.receive('subscribe');
    stop();
    connection.close(CloseCode.ServiceRestart);
    await vi.waitFor(() => expect(client.state).toBe('idle'));
  });

  it('is idle when the last subscription ends while it waits to reconnect', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.99);
    live.atEnd(() => void vi.restoreAllMocks());
    const client = live.connect();
    const stop = client.subscribe({ query: QUERY }, { next() {}, error() {}, complete() {} });
    const { connection } = await live.server.admit();
    await connection.receive('subscribe');
    connection.cut();
    await vi.waitFor(() => expect(client.state).toBe('reconnecting'));
    stop();
    expect(client.state).toBe('idle');
    client.check();
    expect(client.state).toBe('idle');
  });

  it('is idle when the last subscription ends before the socket is open', async () => {
    const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    live.atEnd(() => silent.close());
    await once(silent, 'listening');
    const client = live.connect({ url: `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/graphql` });
    const asked = once(silent, 'connection');
    const stop = client.subscribe({ query: QUERY }, { next() {}, error() {}, complete() {} });
    await asked;
    stop();
    await vi.waitFor(() => expect(client.state).toBe('idle'));
  });

  it('disconnects when the last subscription ends, although an earlier one has failed', async () => {
    const client = live.connect();
    const { values } = live.follow(client);
    (await live.server.admit()).connection.close(CloseCode.Unauthorized);
    await expect(values.next()).rejects.toMatchObject({ code: CloseCode.Unauthorized });
    const stop = client.subscribe({ query: QUERY }, { next() {}, error() {}, complete() {} });
    const { connection } = await live.server.admit();
    await connection.receive('subscribe');
    stop();
    expect(await connection.closed).toBe(CloseCode.Normal);
    await vi.waitFor(() => expect(client.state).toBe('idle'));
  });

  it('delivers nothing after the subscription has ended, although more arrived in the same packet', async () => {
    const client = live.connect();
    const got = vi.fn(() => stop());
    const stop = client.subscribe({ query: QUERY }, { next: got, error() {}, complete() {} });
    const { connection } = await live.server.admit();
    const { id } = await connection.receive('subscribe');
    for (const n of [1, 2, 3]) sendNext(connection, id, n);
    expect(await connection.closed).toBe(CloseCode.Normal);
    expect(got).toHaveBeenCalledTimes(1);
  });

  it('ends although the token endpoint never answers', async () => {
    const client = live.connect({ getToken: () => new Promise(() => {}) });
    const { values } = live.follow(client);
    await client.dispose();
    expect(await values.next()).toMatchObject({ done: true });
  });

  it('ends while it waits to reconnect, and opens nothing afterwards', async () => {
    const client = live.connect();
    const { values } = live.follow(client);
    await live.server.admit();
    const restart = await live.stopServer();
    await vi.waitFor(() => expect(client.state).toBe('reconnecting'));
    await client.dispose();
    expect(await values.next()).toMatchObject({ done: true });
    await restart();
  });

  it('connects again after its last subscription has ended in `getToken`', async () => {
    let stop = (): void => {};
    const client = live.connect({ getToken: async () => (stop(), 'token') });
    stop = client.subscribe({ query: QUERY }, { next() {}, error() {}, complete() {} });
    (await live.server.admit()).connection.close(CloseCode.ServiceRestart);
    await vi.waitFor(() => expect(client.state).toBe('idle'));
    live.follow(client);
    await live.server.admit();
  });

  it('stops fetching tokens when there are no subscriptions any more', async () => {
    let signal: AbortSignal | undefined;
    const client = live.connect({ getToken: (context) => ((signal = context.signal), new Promise(() => {})) });
    const stop = client.subscribe({ query: QUERY }, { next() {}, error() {}, complete() {} });
    await vi.waitFor(() => expect(signal).toBeDefined());
    stop();
    expect(signal?.aborted).toBe(true);
    await vi.waitFor(() => expect(client.state).toBe('idle'));
  });
});
