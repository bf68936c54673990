import type { Client } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { liveClient, subscribe } from './kit/live-client.js';
import { publishCount } from './kit/publish.js';
import { openSocket } from '../src/testing/live-socket.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';

let server: TestServer;
const clients: Client[] = [];

beforeAll(async () => {
  // The worker publishes nothing: these tests publish their own events.
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600', TOKEN_TTL_SECONDS: '600' } });
});

afterAll(async () => {
  for (const client of clients) await client.dispose();
  await server.stop();
});

function clientOf(person: SignedIn): Client {
  const client = liveClient(server.url, () => person.browser.token());
  clients.push(client);
  return client;
}

/** Takes the next `count` values. */
async function take<T>(
  inbox: { take(matches: (item: T) => boolean, what: string): Promise<T> },
  count: number,
): Promise<T[]> {
  const values: T[] = [];
  while (values.length < count) values.push(await inbox.take(() => true, `value ${values.length + 1} of ${count}`));
  return values;
}

describe('the main path', () => {
  it('a cookie identifies a session, me returns a token, the token opens a socket, the last value arrives first', async () => {
    const carol = await server.signedIn('carol');
    expect(await carol.browser.me()).toMatchObject({ user: { id: carol.id, email: carol.email } });
    await publishCount(server, carol.viewerId, 7);
    const counts = subscribe<{ userCount: number }>(clientOf(carol), 'subscription { userCount }');
    expect(await take(counts.results, 1)).toEqual([{ userCount: 7 }]);
    await publishCount(server, carol.viewerId, 8, 9);
    expect(await take(counts.results, 2)).toEqual([{ userCount: 8 }, { userCount: 9 }]);
    counts.stop();
  });

  it('the worker sends every connected viewer a number from 1 to 10 each interval', async () => {
    const ticking = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '0.1' } });
    try {
      const dora = await ticking.signedIn('dora');
      const client = liveClient(ticking.url, () => dora.browser.token());
      const counts = subscribe<{ userCount: number }>(client, 'subscription { userCount }');
      for (const { userCount } of await take(counts.results, 5)) {
        expect(userCount).toBeGreaterThanOrEqual(1);
        expect(userCount).toBeLessThanOrEqual(10);
      }
      await client.dispose();
    } finally {
      await ticking.stop();
    }
  });

  it('me is null without a session and after logout', async () => {
    const browser = server.browser();
    expect(await browser.me()).toBeNull();
    await browser.register();
    expect(await browser.me()).not.toBeNull();
    await browser.logout();
    expect(await browser.me()).toBeNull();
  });
});

describe('sockets end with their session', () => {
  it('SO-1 logout closes only the sockets of its session, before it is answered, and nothing follows', async () => {
    const gina = await server.signedIn('gina');
    const elsewhere = server.browser();
    await elsewhere.login(gina);
    const here = await gina.socket();
    const tab = await gina.socket();
    const there = await openSocket(server.url, { token: await elsewhere.token() });
    for (const socket of [here, tab, there]) socket.subscribe('1', 'subscription { userCount }');
    await Promise.all([here.settled(), tab.settled(), there.settled()]);

    await gina.browser.logout();
    await publishCount(server, gina.viewerId, 5);

    expect((await here.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect((await tab.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(here.inbox.pending).toEqual([]);
    expect(tab.inbox.pending).toEqual([]);
    expect((await there.waitForNext('1')).data).toEqual({ userCount: 5 });
    await there.close();
  });
});
