import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { WireClients, QUERY, sendNext } from './kit/wire-clients.js';

let live: WireClients;

beforeEach(async () => {
  live = await WireClients.start();
});

afterEach(() => live.end());

describe('an exception of the application', () => {
  /** What is thrown to the runtime, which would end this test run. */
  function uncaught(): unknown[] {
    const thrown: unknown[] = [];
    const queue = globalThis.queueMicrotask;
    const caught = (call: () => void) => () => {
      try {
        call();
      } catch (error) {
        thrown.push(error);
      }
    };
    const spy = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((call) => queue(caught(call)));
    live.atEnd(() => spy.mockRestore());
    return thrown;
  }

  function fail(): never {
    throw new Error('by the application');
  }

  it.each(['next', 'onGap'])('in `%s` ends neither its subscription nor another', async (where) => {
    const thrown = uncaught();
    const client = live.connect(where === 'onGap' ? { onGap: fail } : {});
    const got = vi.fn(where === 'next' ? fail : () => {});
    client.subscribe({ query: QUERY }, { next: got, error() {}, complete() {} });
    const { next } = live.follow(client);
    const { connection } = await live.server.admit();
    const throwing = (await connection.receive('subscribe')).id;
    const other = (await connection.receive('subscribe')).id;
    sendNext(connection, throwing, 1, { cursor: 'a', recovered: false });
    sendNext(connection, throwing, 2);
    sendNext(connection, other, 3);
    expect(await next()).toBe(3);
    expect(got).toHaveBeenCalledTimes(2);
    expect(client.state).toBe('live');
    expect(thrown).toContainEqual(new Error('by the application'));
  });

  it('in `onState` does not keep it from reconnecting', async () => {
    const thrown = uncaught();
    live.follow(live.connect({ onState: (state) => void (state === 'reconnecting' && fail()) }));
    (await live.server.admit()).connection.close(CloseCode.ServiceRestart);
    await live.server.admit();
    expect(thrown).toContainEqual(new Error('by the application'));
  });

  it("in a listener of graphql-ws's events does not keep it from reconnecting", async () => {
    const thrown = uncaught();
    const client = live.connect({ on: { closed: fail } });
    client.on('message', fail);
    const { next } = live.follow(client);
    (await live.server.admit()).connection.close(CloseCode.ServiceRestart);
    const { connection } = await live.server.admit();
    sendNext(connection, (await connection.receive('subscribe')).id, 1);
    expect(await next()).toBe(1);
    expect(thrown).toContainEqual(new Error('by the application'));
  });

  it('in `onSignedOut` does not hide the sign-out from subscriptions', async () => {
    const thrown = uncaught();
    const { values } = live.follow(live.connect({ onSignedOut: fail }));
    (await live.server.admit()).connection.close(CloseCode.Unauthorized);
    await expect(values.next()).rejects.toMatchObject({ code: CloseCode.Unauthorized });
    expect(thrown).toContainEqual(new Error('by the application'));
  });
});
