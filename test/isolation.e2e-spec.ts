import { ApolloClient, ApolloLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { Inbox } from '../src/testing/inbox.js';
import { liveClient, subscribe } from './kit/live-client.js';
import { publishCount } from './kit/publish.js';
import { openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { startServer, type SignedIn, type TestServer } from './kit/server.js';
import { startTwoNodes } from './kit/two-nodes.js';

const SUBSCRIPTION = 'subscription { userCount }';

/** The node with the sockets. */
let server: TestServer;
/** The node that publishes. */
let publisher: TestServer;
let ada: SignedIn;
let bob: SignedIn;

interface Nodes {
  readonly nodes: readonly TestServer[];
  stop(): Promise<void>;
}

/** Publishes even numbers to Ada and odd ones to Bob, in turn; the last two are larger than all before. */
async function publishToBoth(events: number): Promise<void> {
  for (let n = 2; n < events * 2; n += 2)
    await Promise.all([publishCount(publisher, ada.viewerId, n), publishCount(publisher, bob.viewerId, n + 1)]);
  await Promise.all([
    publishCount(publisher, ada.viewerId, events * 10),
    publishCount(publisher, bob.viewerId, events * 10 + 1),
  ]);
}

/** Takes values up to and including `last`. */
async function takeUntil(inbox: Inbox<{ userCount: number }>, last: number): Promise<number[]> {
  const seen: number[] = [];
  while (seen.at(-1) !== last) seen.push((await inbox.take()).userCount);
  return seen;
}

/**
 * @param start starts the nodes with this environment: the last one has the sockets, the first one publishes
 * @param events the number of events, published one by one
 */
function isolationOf(name: string, events: number, start: (env: Record<string, string>) => Promise<Nodes>): void {
  describe(`on ${name}`, () => {
    let started: Nodes;

    beforeAll(async () => {
      // The worker's own events would mix with the test's.
      started = await start({ USER_COUNT_INTERVAL_SECONDS: '86400' });
      [publisher, server] = [started.nodes[0]!, started.nodes.at(-1)!];
      [ada, bob] = await Promise.all([server.signedIn('ada'), server.signedIn('bob')]);
    });
    afterAll(() => started.stop());

    describe('two accounts', () => {
      it(`SO-5 each get only their own ${events} events, in order and without a gap, through the graphql-ws client`, async () => {
        const clients = [ada, bob].map((who) => liveClient(server.url, () => who.browser.token()));
        const [adas, bobs] = clients.map((client) => subscribe<{ userCount: number }>(client, SUBSCRIPTION).results);
        await Promise.all([publishCount(publisher, ada.viewerId, -2), publishCount(publisher, bob.viewerId, -1)]);
        await Promise.all([adas?.take(), bobs?.take()]);
        // A slow reader gets only the latest value, so each hundred is read before the next is sent.
        for (let from = 0; from < events; from += 100) {
          const forAda = Array.from({ length: 100 }, (_, index) => 2 * (from + index));
          const forBob = forAda.map((value) => value + 1);
          await Promise.all([
            publishCount(publisher, ada.viewerId, ...forAda),
            publishCount(publisher, bob.viewerId, ...forBob),
          ]);
          expect(await takeUntil(adas ?? new Inbox(), forAda.at(-1) ?? 0)).toEqual(forAda);
          expect(await takeUntil(bobs ?? new Inbox(), forBob.at(-1) ?? 0)).toEqual(forBob);
        }
        for (const client of clients) await client.dispose();
      });

      it('each get only their own events through Apollo Client with GraphQLWsLink', async () => {
        const sockets = [ada, bob].map((who) => liveClient(server.url, () => who.browser.token()));
        const inboxes = sockets.map((socket) => {
          const inbox = new Inbox<{ userCount: number }>();
          const link = ApolloLink.from([new GraphQLWsLink(socket)]);
          const apollo = new ApolloClient({ link, cache: new InMemoryCache() });
          apollo.subscribe<{ userCount: number }>({ query: gql(SUBSCRIPTION) }).subscribe({
            next: ({ data, error }) => (data ? inbox.put(data) : inbox.end(error?.message ?? 'no data')),
            error: (error) => inbox.end(String(error)),
          });
          return inbox;
        });
        await Promise.all([publishCount(publisher, ada.viewerId, 0), publishCount(publisher, bob.viewerId, 1)]);
        await Promise.all(inboxes.map((inbox) => inbox.take()));
        await publishToBoth(events);
        const [forAda, forBob] = await Promise.all(
          inboxes.map((inbox, index) => takeUntil(inbox, events * 10 + index)),
        );
        expect(forAda?.filter((value) => value % 2 !== 0)).toEqual([]);
        expect(forBob?.filter((value) => value % 2 === 0)).toEqual([]);
        for (const socket of sockets) await socket.dispose();
      });
    });

    describe("an attempt to access another viewer's topic", () => {
      const attempts: [
        string,
        () => { query: string; variables?: unknown; operationName?: string; extensions?: unknown },
      ][] = [
        ['an argument', () => ({ query: `subscription { userCount(viewer: "${bob.viewerId}") }` })],
        [
          'a variable',
          () => ({ query: 'subscription ($id: ID!) { userCount(id: $id) }', variables: { id: bob.viewerId } }),
        ],
        ['a second field under an alias', () => ({ query: 'subscription { mine: userCount his: userCount }' })],
        ['a fragment on another type', () => ({ query: 'subscription { ...f } fragment f on Query { me { token } }' })],
        ['a query', () => ({ query: '{ me { token } }' })],
        ['a mutation', () => ({ query: 'mutation { logout }' })],
        [
          'a directive that does not exist',
          () => ({ query: `subscription { userCount @as(viewer: "${bob.viewerId}") }` }),
        ],
      ];

      it.each(attempts)('by %s is answered with an error, and nothing is delivered', async (_, attempt) => {
        const socket = await ada.socket();
        socket.send({ type: 'subscribe', id: 'attempt', payload: attempt() });
        await socket.waitForMessage('error', 'attempt');
        await publishCount(publisher, bob.viewerId, 7);
        expect(await socket.settled()).toEqual([]);
        await socket.close();
      });

      it.each([
        ['variables that nothing asks for', () => ({ query: SUBSCRIPTION, variables: { viewer: bob.viewerId } })],
        ['an operation name', () => ({ query: `subscription user_${bob.id.replaceAll('-', '_')} { userCount }` })],
        ['a named fragment', () => ({ query: 'subscription { ...f } fragment f on Subscription { userCount }' })],
        [
          'extensions',
          () => ({ query: SUBSCRIPTION, extensions: { viewer: bob.viewerId, topic: `user_count:${bob.viewerId}` } }),
        ],
      ])("by %s gets only the viewer's own topic", async (_, attempt) => {
        const socket = await ada.socket();
        await publishCount(publisher, ada.viewerId, 20);
        socket.send({ type: 'subscribe', id: 'attempt', payload: attempt() });
        expect((await socket.waitForNext('attempt')).data).toEqual({ userCount: 20 });
        await publishCount(publisher, bob.viewerId, 31);
        await publishCount(publisher, ada.viewerId, 22);
        expect((await socket.waitForNext('attempt')).data).toEqual({ userCount: 22 });
        expect(await socket.settled()).toEqual([]);
        await socket.close();
      });

      it('SO-5 by the cursor of that topic gets none of it, and recovered: false', async () => {
        const his = await openSocket(server.url, { token: await bob.browser.token(), resumable: true });
        await publishCount(publisher, bob.viewerId, 41);
        his.subscribe('1', SUBSCRIPTION);
        const cursor = (await his.waitForNext('1')).extensions?.['cursor'];
        expect(cursor).toEqual(expect.any(String));
        await publishCount(publisher, bob.viewerId, 43);
        await publishCount(publisher, ada.viewerId, 40);
        const hers = await openSocket(server.url, { token: await ada.browser.token(), resumable: true });
        hers.subscribe('1', SUBSCRIPTION, { extensions: { resume: cursor } });
        expect(await hers.waitForNext('1')).toMatchObject({
          data: { userCount: 40 },
          extensions: { recovered: false },
        });
        await publishCount(publisher, ada.viewerId, 44);
        expect((await hers.waitForNext('1')).data).toEqual({ userCount: 44 });
        expect(await hers.settled()).toEqual([]);
        await Promise.all([his.close(), hers.close()]);
      });

      it('by a token of a user who has signed out since is refused with 4401', async () => {
        const eve = await server.signedIn('eve');
        const token = await eve.browser.token();
        await eve.browser.logout();
        const socket = await openSocket(server.url);
        socket.send({ type: 'connection_init', payload: { token } });
        expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
      });

      it.each([
        ['no token', undefined],
        ['an empty token', ''],
        ['a token that is none', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyOjEifQ.'],
      ])('by %s is refused with 4403', async (_, token) => {
        const socket = await openSocket(server.url);
        socket.send({ type: 'connection_init', ...(token === undefined ? {} : { payload: { token } }) });
        expect((await socket.waitForClose()).code).toBe(CloseCode.Forbidden);
      });
    });
  });
}

isolationOf('one server', 3_000, async (env) => {
  const only = await startServer({ env });
  return { nodes: [only], stop: () => only.stop() };
});

needs('postgres')('with PostgreSQL', () => {
  isolationOf('two nodes with PostgreSQL alone', 200, (env) => startTwoNodes(env, 'postgres'));
});
