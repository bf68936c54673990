import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { type HostNode, HostBrowser, OrderStatusFeed, UserSessions, viewerOf } from './kit/host-app/app.js';
import { EXPRESS_APP } from './kit/host-app/express.js';
import { FASTIFY_APP } from './kit/host-app/fastify.js';
import { closeCodeFor, openSocket, type LiveSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { createDatabase } from './kit/postgres-database.js';
import { RedisServer } from './kit/redis-server.js';
import { SqlPublisher } from './kit/sql-publisher.js';

const QUERY = 'subscription { orderStatus { order state } }';
/** Returns the session id in a token. */
function sessionIn(token: string): string {
  return (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sid: string }).sid;
}

const shipped = (order: string) => ({ order, state: 'shipped' });

/** A store that the nodes share. */
interface SharedStore {
  readonly options: { readonly kind: 'postgres' | 'redis'; readonly url: string };
  remove(): Promise<void>;
}

async function newRedis(): Promise<SharedStore> {
  const server = await RedisServer.start();
  return { options: { kind: 'redis', url: server.url }, remove: () => server.remove() };
}

async function newDatabase(): Promise<SharedStore> {
  const { url, drop } = await createDatabase();
  return { options: { kind: 'postgres', url }, remove: drop };
}

/** Platforms and stores are independent, so each platform is tested with one store. */
const APPS = [
  { hostApp: EXPRESS_APP, name: `${EXPRESS_APP.name} and Redis`, openStore: newRedis },
  { hostApp: FASTIFY_APP, name: `${FASTIFY_APP.name} and PostgreSQL`, openStore: newDatabase },
];

needs('redis', 'postgres').each(APPS)('in an app of $name, on two nodes', ({ hostApp, openStore }) => {
  let store: SharedStore;
  let users: UserSessions;
  let nodes: [HostNode, HostNode];

  beforeAll(async () => {
    store = await openStore();
    users = new UserSessions();
    const options = { store: store.options };
    nodes = [await hostApp.start(users, options), await hostApp.start(users, options)];
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await store.remove();
  });
  beforeEach(() => void (users.failure = 'none'));

  const signedIn = (user: string): Promise<HostBrowser> => new HostBrowser(nodes[0].url).signIn(user);

  /** Opens a socket whose subscription the store has confirmed: the server then sends its position. */
  async function subscribed(browser: HostBrowser, node: HostNode): Promise<LiveSocket> {
    const socket = await openSocket(node.url);
    await socket.init({ token: await browser.token(), resumable: true, positions: true });
    await socket.subscribed('mine', QUERY);
    return socket;
  }

  it('its own schema, routes and errors are unchanged', async () => {
    const answer = await fetch(`${nodes[0].url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ shop }' }),
    });
    expect(await answer.json()).toEqual({ data: { shop: 'open' } });
    expect((await fetch(`${nodes[0].url}/nowhere`)).status).toBe(404);
  });

  it('a viewer gets their own events, whichever node publishes, and no one else’s', async () => {
    const [ada, bob] = [await signedIn('ada'), await signedIn('bob')];
    const [first, second] = [await subscribed(ada, nodes[0]), await subscribed(bob, nodes[1])];
    expect(await nodes[0].sallyport.publish(OrderStatusFeed, viewerOf('bob'), shipped('b'))).toHaveProperty('cursor');
    expect(await nodes[1].sallyport.publish('order_status', viewerOf('ada'), shipped('a'))).toHaveProperty('cursor');
    expect((await first.waitForNext('mine')).data).toEqual({ orderStatus: shipped('a') });
    expect((await second.waitForNext('mine')).data).toEqual({ orderStatus: shipped('b') });
    expect([await first.settled(), await second.settled()]).toEqual([[], []]);
    await Promise.all([first.close(), second.close()]);
  });

  it('a visitor gets no token, and a cookie opens no socket', async () => {
    expect(await new HostBrowser(nodes[0].url).token()).toBeNull();
    expect(await closeCodeFor(nodes[0].url, 'no token')).toBe(CloseCode.Forbidden);
  });

  it('a page of another origin opens no socket, and one of the same host does', async () => {
    const token = (await (await signedIn('ada')).token()) ?? '';
    await expect(openSocket(nodes[0].url, { token, origin: 'https://evil.example' })).rejects.toThrow('403');
    await (await openSocket(nodes[0].url, { token, origin: nodes[0].url })).close();
  });

  it('a wrong payload, viewer or feed is refused with a value, and nothing is delivered', async () => {
    const { sallyport } = nodes[0];
    const socket = await subscribed(await signedIn('ada'), nodes[1]);
    const wrong = { order: '1', state: 'lost' };
    expect(await sallyport.publish(OrderStatusFeed, viewerOf('ada'), wrong)).toMatchObject({
      error: { code: 'BAD_USER_INPUT' },
    });
    expect(await sallyport.publish('nothing', viewerOf('ada'), 1)).toMatchObject({ error: { code: 'NOT_FOUND' } });
    expect(await sallyport.publish(OrderStatusFeed, 'ada' as never, shipped('1'))).toMatchObject({
      error: { code: 'BAD_USER_INPUT' },
    });
    expect(await socket.settled()).toEqual([]);
    await socket.close();
  });

  it('an event with a key is delivered once', async () => {
    const socket = await subscribed(await signedIn('kay'), nodes[1]);
    const [first, second] = [0, 1].map(() =>
      nodes[0].sallyport.publish(OrderStatusFeed, viewerOf('kay'), shipped('1'), { key: 'order 1' }),
    );
    expect(await first).toEqual(await second);
    await socket.waitForNext('mine');
    expect(await socket.settled()).toEqual([]);
    await socket.close();
  });

  it.runIf(openStore === newDatabase)('a transaction of the application publishes by SQL', async () => {
    const socket = await subscribed(await signedIn('sue'), nodes[1]);
    const sql = await SqlPublisher.connect(store.options.url);
    await sql.run('begin');
    await sql.publish({ topic: 'order_status', viewer: viewerOf('sue'), payload: shipped('1') });
    await sql.run('rollback; begin');
    await sql.publish({ topic: 'order_status', viewer: viewerOf('sue'), payload: shipped('2') });
    await sql.run('commit');
    await sql.close();
    expect((await socket.waitForNext('mine')).data).toEqual({ orderStatus: shipped('2') });
    expect(await socket.settled()).toEqual([]);
    await socket.close();
  });

  it('a sign-out closes the sockets of the session on every node, and its token opens none', async () => {
    const [here, elsewhere] = [await signedIn('ada'), await signedIn('ada')];
    const token = (await here.token()) ?? '';
    const [first, second] = [await subscribed(here, nodes[0]), await subscribed(here, nodes[1])];
    const other = await subscribed(elsewhere, nodes[1]);
    await here.signOut();
    expect((await first.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect((await second.waitForClose()).code).toBe(CloseCode.Unauthorized);
    for (const node of nodes) expect(await closeCodeFor(node.url, token)).toBe(CloseCode.Unauthorized);
    expect(await here.token()).toBeNull();
    await other.settled();
    await other.close();
  });

  it('revokeSession ends a session that the application still considers valid', async () => {
    const ada = await signedIn('ada');
    const socket = await subscribed(ada, nodes[1]);
    const token = (await ada.token()) ?? '';
    await nodes[0].sallyport.revokeSession(sessionIn(token));
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(await closeCodeFor(nodes[1].url, (await ada.token()) ?? '')).toBe(CloseCode.Unauthorized);
  });

  it('revokeViewer ends every socket of a viewer; a token issued afterwards opens one', async () => {
    const ada = await signedIn('eve');
    const before = (await ada.token()) ?? '';
    const sockets = [await subscribed(ada, nodes[0]), await subscribed(ada, nodes[1])];
    await nodes[0].sallyport.revokeViewer(viewerOf('eve'));
    for (const socket of sockets) expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(await closeCodeFor(nodes[1].url, before)).toBe(CloseCode.Unauthorized);
    await (await subscribed(ada, nodes[1])).close();
  });

  it('a node that has heard of no revocation refuses the tokens of before', async () => {
    const [ada, bob] = [await signedIn('una'), await signedIn('uwe')];
    const tokens = [(await ada.token()) ?? '', (await bob.token()) ?? ''];
    await nodes[0].sallyport.revokeViewer(viewerOf('una'));
    await nodes[0].sallyport.revokeSession(sessionIn(tokens[1] ?? ''));
    const late = await hostApp.start(users, { store: store.options });
    for (const token of tokens) expect(await closeCodeFor(late.url, token)).toBe(CloseCode.Unauthorized);
    expect(await closeCodeFor(late.url, (await ada.token()) ?? '')).toBe(1000);
    await late.stop();
  });

  it('a session port that throws or hangs refuses with 1013, and open sockets stay open', async () => {
    const ada = await signedIn('ada');
    const socket = await subscribed(ada, nodes[0]);
    const token = (await ada.token()) ?? '';
    for (const failure of ['throws', 'hangs'] as const) {
      users.failure = failure;
      expect(await closeCodeFor(nodes[0].url, token)).toBe(CloseCode.TryAgainLater);
    }
    users.failure = 'none';
    expect(await closeCodeFor(nodes[0].url, token)).toBe(1000);
    await socket.settled();
    await socket.close();
  });

  it('a client that reconnects to the other node gets what it missed', async () => {
    const ada = await signedIn('ren');
    const first = await subscribed(ada, nodes[0]);
    await nodes[1].sallyport.publish(OrderStatusFeed, viewerOf('ren'), shipped('1'));
    const { extensions } = await first.waitForNext('mine');
    await first.close();
    for (const order of ['2', '3', '4']) {
      await nodes[0].sallyport.publish(OrderStatusFeed, viewerOf('ren'), shipped(order));
    }
    const second = await openSocket(nodes[1].url, { token: (await ada.token()) ?? '', resumable: true });
    second.subscribe('mine', QUERY, { extensions: { resume: extensions?.['cursor'] } });
    const missed = [
      await second.waitForNext('mine'),
      await second.waitForNext('mine'),
      await second.waitForNext('mine'),
    ];
    expect(missed.map(({ data }) => data)).toEqual(['2', '3', '4'].map((order) => ({ orderStatus: shipped(order) })));
    expect(missed[0]?.extensions).toMatchObject({ recovered: true });
    await second.close();
  });

  it('presence lists the viewers who are connected to any node', async () => {
    const socket = await subscribed(await signedIn('pat'), nodes[1]);
    const who = [viewerOf('pat'), viewerOf('nobody')];
    await expect
      .poll(() => nodes[0].sallyport.presence(who))
      .toEqual([
        { viewer: who[0], online: true, connections: 1, since: expect.any(Date) },
        { viewer: who[1], online: false, connections: 0, since: null },
      ]);
    await socket.close();
  });
});
