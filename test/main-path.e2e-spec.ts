import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import type { Client } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { USER_COUNT } from '../src/feeds/user-count/user-count.topic.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { topicOf } from '../src/topics/topic.js';
import { TopicBus } from '../src/topics/topic.bus.js';
import { liveClient, subscribe } from './kit/live-client.js';
import { openSocket } from './kit/live-socket.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';

const EVENTS = 3000;

let server: TestServer;
let ada: SignedIn;
let bob: SignedIn;
const clients: Client[] = [];

beforeAll(async () => {
  // The worker stays out of the way: these tests publish what they expect.
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600', TOKEN_TTL_SECONDS: '600' } });
  ada = await server.signedIn('ada');
  bob = await server.signedIn('bob');
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

async function publish(person: SignedIn, ...values: number[]): Promise<void> {
  const topic = topicOf(USER_COUNT, person.viewerId);
  await server.app.get(TopicBus).publish(values.map((payload) => ({ topic, payload })));
}

/** Takes `count` values. */
async function take<T>(
  inbox: { take(matches: (item: T) => boolean, what: string): Promise<T> },
  count: number,
): Promise<T[]> {
  const values: T[] = [];
  while (values.length < count) values.push(await inbox.take(() => true, `value ${values.length + 1} of ${count}`));
  return values;
}

describe('the seed, end to end', () => {
  test('a cookie opens a session, me hands out a token, the token opens a socket, the last value comes first', async () => {
    const carol = await server.signedIn('carol');
    expect(await carol.browser.me()).toMatchObject({ user: { id: carol.id, email: carol.email } });
    await publish(carol, 7);
    const counts = subscribe<{ userCount: number }>(clientOf(carol), 'subscription { userCount }');
    expect(await take(counts.results, 1)).toEqual([{ userCount: 7 }]);
    await publish(carol, 8, 9);
    expect(await take(counts.results, 2)).toEqual([{ userCount: 8 }, { userCount: 9 }]);
    counts.stop();
  });

  test('the worker sends every connected viewer a number from 1 to 10 each interval', async () => {
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

  test('me is null for a visitor and after logout', async () => {
    const browser = server.browser();
    expect(await browser.me()).toBeNull();
    await browser.register();
    expect(await browser.me()).not.toBeNull();
    await browser.logout();
    expect(await browser.me()).toBeNull();
  });
});

describe('each person gets only their own events', () => {
  test(`over ${EVENTS} events each, in order and without a gap, with the real graphql-ws client`, async () => {
    const adas = subscribe<{ userCount: number }>(clientOf(ada), 'subscription { userCount }');
    const bobs = subscribe<{ userCount: number }>(clientOf(bob), 'subscription { userCount }');
    await publish(ada, -1);
    await publish(bob, -1);
    await Promise.all([take(adas.results, 1), take(bobs.results, 1)]);
    const even = Array.from({ length: EVENTS }, (_, index) => index * 2);
    for (let from = 0; from < EVENTS; from += 100) {
      const part = even.slice(from, from + 100);
      await Promise.all([publish(ada, ...part), publish(bob, ...part.map((value) => value + 1))]);
      const [ofAda, ofBob] = await Promise.all([take(adas.results, 100), take(bobs.results, 100)]);
      expect(ofAda.map((result) => result.userCount)).toEqual(part);
      expect(ofBob.map((result) => result.userCount)).toEqual(part.map((value) => value + 1));
    }
    adas.stop();
    bobs.stop();
  });

  test('with Apollo Client 4 over GraphQLWsLink', async () => {
    const apollo = new ApolloClient({
      cache: new InMemoryCache(),
      link: ApolloLink.split(
        ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
        new GraphQLWsLink(clientOf(ada)),
        new HttpLink({ uri: `${server.url}/graphql` }),
      ),
    });
    const seen: unknown[] = [];
    const done = new Promise<void>((resolve) => {
      apollo.subscribe({ query: gql('subscription { userCount }') }).subscribe(({ data }) => {
        if (seen.push(data) === 3) resolve();
      });
    });
    await publish(ada, 41);
    const socket = await openSocket(server.url, { token: await ada.browser.token() });
    socket.subscribe('1', 'subscription { userCount }');
    await socket.waitForNext('1');
    // The socket above is live; the Apollo client subscribed before it, and gets the same events.
    while (seen.length === 0) await publish(ada, 42).then(() => socket.waitForNext('1'));
    await publish(bob, 99);
    await publish(ada, 43, 44, 45);
    await done;
    expect(JSON.stringify(seen)).not.toContain('99');
    apollo.stop();
    await socket.close();
  });

  test.each([
    ['an argument', (id: string) => ({ query: `subscription { userCount(viewer: "user:${id}") }` })],
    ['another argument', (id: string) => ({ query: `subscription { userCount(id: "${id}") }` })],
    ['a variable', (id: string) => ({ query: 'subscription ($id: ID) { userCount(id: $id) }', variables: { id } })],
  ])('refuses to reach for another person by %s', async (_, attempt) => {
    const socket = await openSocket(server.url, { token: await bob.browser.token() });
    const { query, ...more } = attempt(ada.id);
    socket.subscribe('1', query, more);
    expect(JSON.stringify(await socket.waitForMessage('error', '1'))).toContain('GRAPHQL_VALIDATION_FAILED');
    await socket.close();
  });

  test.each([
    ['an alias', (id: string) => ({ query: `subscription { user_count_${id.replaceAll('-', '_')}: userCount }` })],
    ['an operation name', (id: string) => ({ query: `subscription user_${id.replaceAll('-', '_')} { userCount }` })],
    ['a fragment', () => ({ query: 'subscription { ...f } fragment f on Subscription { userCount }' })],
    [
      'a variable nobody asked for',
      (id: string) => ({ query: 'subscription { userCount }', variables: { viewer: { id: `user:${id}` } } }),
    ],
    [
      'extensions',
      (id: string) => ({
        query: 'subscription { userCount }',
        extensions: { viewer: `user:${id}`, topic: `user_count:user:${id}` },
      }),
    ],
  ])('stays with its own events whatever %s says', async (_, attempt) => {
    const eve = await server.signedIn('eve');
    const socket = await openSocket(server.url, { token: await eve.browser.token() });
    const { query, ...more } = attempt(ada.id);
    socket.subscribe('1', query, more);
    await socket.settled();
    await publish(ada, 1000);
    await publish(eve, 2000);
    const { data } = await socket.waitForNext('1');
    expect(Object.values(data ?? {})).toEqual([2000]);
    expect(await socket.settled()).toEqual([]);
    await socket.close();
  });

  test("another person's token opens nothing once they have signed out", async () => {
    const frank = await server.signedIn('frank');
    const token = await frank.browser.token();
    await frank.browser.logout();
    const thief = await openSocket(server.url);
    thief.send({ type: 'connection_init', payload: { token } });
    expect((await thief.waitForClose()).code).toBe(CloseCode.Unauthorized);
  });
});

describe('sockets follow the session', () => {
  test('SO-1 logout closes exactly the sockets of its session, before its answer returns, and nothing follows', async () => {
    const gina = await server.signedIn('gina');
    const elsewhere = server.browser();
    await elsewhere.login(gina);
    const here = await openSocket(server.url, { token: await gina.browser.token() });
    const tab = await openSocket(server.url, { token: await gina.browser.token() });
    const there = await openSocket(server.url, { token: await elsewhere.token() });
    for (const socket of [here, tab, there]) socket.subscribe('1', 'subscription { userCount }');
    await Promise.all([here.settled(), tab.settled(), there.settled()]);

    await gina.browser.logout();
    await publish(gina, 5);

    expect((await here.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect((await tab.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(here.inbox.pending).toEqual([]);
    expect(tab.inbox.pending).toEqual([]);
    expect((await there.waitForNext('1')).data).toEqual({ userCount: 5 });
    await there.close();
  });
});
