import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { AccountChanges } from '../src/identity/sessions/account-changes.service.js';
import { SessionRevocations } from '../src/live/sessions/session-revocations.js';
import { SessionSweeper } from '../src/identity/sessions/session-sweeper.js';
import { SessionWatch } from '../src/live/sessions/session-watch.js';
import { UserCountFeed } from '../src/feeds/user-count/user-count.feed.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { TopicBus } from '../src/live/topics/topic.bus.js';
import { topicOf } from '../src/live/topics/topic.js';
import { needs } from './kit/needs.js';
import { openSocket, type LiveSocket } from '../src/testing/live-socket.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';
import { SHARED_STORES, startTwoNodes, type TwoNodes } from './kit/two-nodes.js';

const QUIET = { USER_COUNT_INTERVAL_SECONDS: '3600', THROTTLE_EXEMPT: '127.0.0.1' };
const SUBSCRIPTION = 'subscription { userCount }';

afterEach(() => void vi.useRealTimers());

async function publish(node: TestServer, who: SignedIn, payload: number): Promise<void> {
  await node.app
    .get(TopicBus, { strict: false })
    .publish([{ topic: topicOf(UserCountFeed.topic, who.viewerId), payload }]);
}

/** Opens a socket with a subscription that has received one event. */
async function listening(node: TestServer, who: SignedIn): Promise<LiveSocket> {
  const socket = await openSocket(node.url, { token: await who.browser.token() });
  await publish(node, who, 0);
  socket.subscribe('count', SUBSCRIPTION);
  await socket.waitForNext('count');
  return socket;
}

describe('on one node', () => {
  let server: TestServer;
  beforeAll(
    async () =>
      void (server = await startServer({
        env: { ...QUIET, SESSION_IDLE_SECONDS: '600', SESSION_ABSOLUTE_SECONDS: '3600' },
      })),
  );
  afterAll(() => server.stop());

  it('SO-1 a logout closes only the sockets of its session, and delivers nothing after its answer', async () => {
    const ada = await server.signedIn();
    const socket = await listening(server, ada);
    const other = server.browser();
    await other.login(ada);
    const stays = await openSocket(server.url, { token: await other.token() });
    await ada.browser.logout();
    await publish(server, ada, 9);
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(socket.inbox.pending.filter((message) => message.type === 'next')).toEqual([]);
    await stays.settled();
    await stays.close();
  });

  it('SE-4 SO-4 a session that idles ends: its row is gone and its socket closes, however busy the socket', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    const ada = await server.signedIn();
    const socket = await listening(server, ada);
    vi.setSystemTime(Date.now() + 599_000);
    await socket.settled();
    await server.app.get(SessionSweeper, { strict: false }).sweep();
    await socket.settled();
    vi.setSystemTime(Date.now() + 2_000);
    await server.app.get(SessionSweeper, { strict: false }).sweep();
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(await ada.browser.me()).toBeNull();
  });

  it('SE-5 a session in constant use ends at its absolute limit', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    const ada = await server.signedIn();
    const socket = await listening(server, ada);
    for (let minutes = 5; minutes < 60; minutes += 5) {
      vi.setSystemTime(Date.now() + 300_000);
      expect(await ada.browser.me()).not.toBeNull();
      await server.app.get(SessionSweeper, { strict: false }).sweep();
    }
    await socket.settled();
    vi.setSystemTime(Date.now() + 301_000);
    await server.app.get(SessionSweeper, { strict: false }).sweep();
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(await ada.browser.me()).toBeNull();
  });
});

needs('redis', 'postgres').each(SHARED_STORES)('on two nodes with %s', (kind) => {
  let pair: TwoNodes;
  let nodes: TwoNodes['nodes'];
  let store: TwoNodes['store'];
  beforeAll(async () => {
    pair = await startTwoNodes(QUIET, kind);
    ({ nodes, store } = pair);
  });
  /** An earlier test may have stopped the store, and each node detects separately that it is back. */
  beforeEach(async () => {
    const answers = () => Promise.all(nodes.map(async ({ url }) => (await fetch(`${url}/readyz`)).status));
    await vi.waitFor(async () => expect(await answers()).toEqual([200, 200]), { timeout: 30_000 });
  });
  afterAll(() => pair.stop());

  it('SO-1 a logout on one closes the sockets on both, and neither delivers anything after its answer', async () => {
    const [here, there] = nodes;
    const ada = await here.signedIn();
    const sockets = [await listening(here, ada), await listening(there, ada)];
    for (const socket of sockets) await socket.settled();
    await ada.browser.logout();
    await publish(here, ada, 9);
    for (const socket of sockets) {
      expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
      expect(
        socket.inbox.pending.filter((message) => message.type === 'next' && JSON.stringify(message).includes('9')),
      ).toEqual([]);
    }
  });

  it('SO-2 a password change on one closes the sockets of other sessions on both', async () => {
    const [here, there] = nodes;
    const ada = await here.signedIn();
    const stays = await openSocket(there.url, { token: await ada.browser.token() });
    const other = here.browser();
    await other.login(ada);
    const token = await other.token();
    const sockets = [await openSocket(here.url, { token }), await openSocket(there.url, { token })];
    const change =
      'mutation ($current: String!) { changePassword(current: $current, next: "an entirely other sentence") }';
    await ada.browser.query(change, { current: ada.password });
    for (const socket of sockets) expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    await stays.settled();
    await stays.close();
  });

  it('SO-2 disabling an account closes its sockets on both, and its tokens are refused', async () => {
    const [here, there] = nodes;
    const ada = await here.signedIn();
    const token = await ada.browser.token();
    const sockets = [await openSocket(here.url, { token }), await openSocket(there.url, { token })];
    await here.app.get(AccountChanges, { strict: false }).disable(ada.email);
    for (const socket of sockets) expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    const late = await openSocket(there.url);
    late.send({ type: 'connection_init', payload: { token } });
    expect((await late.waitForClose()).code).toBe(CloseCode.Unauthorized);
  });

  it('SO-6 TK-8 a token is refused on the other node as soon as its session has ended', async () => {
    const [here, there] = nodes;
    const ada = await here.signedIn();
    const token = await ada.browser.token();
    await ada.browser.logout();
    const socket = await openSocket(there.url);
    socket.send({ type: 'connection_init', payload: { token } });
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
  });

  it('SO-7 a node that missed a revocation finds it when the store is back', async () => {
    const [here, there] = nodes;
    const ada = await here.signedIn();
    const token = await ada.browser.token();
    const socket = await openSocket(there.url, { token });
    await store.stop();
    await ada.browser.logout();
    await store.start();
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
  });

  it('SO-7 the periodic check closes only the sockets of sessions that have ended in the database', async () => {
    const [here, there] = nodes;
    const [ada, bob] = [await here.signedIn(), await here.signedIn('bob')];
    const goes = await openSocket(there.url, { token: await ada.browser.token() });
    const stays = await openSocket(there.url, { token: await bob.browser.token() });
    const silenced = vi.spyOn(here.app.get(SessionRevocations, { strict: false }), 'announce').mockResolvedValue();
    await ada.browser.logout();
    silenced.mockRestore();
    await there.app.get(SessionWatch, { strict: false }).check();
    expect((await goes.waitForClose()).code).toBe(CloseCode.Unauthorized);
    await stays.settled();
    await stays.close();
  });

  // Without PostgreSQL nobody can sign in, wherever guesses are counted.
  it.each(['Redis'].filter((name) => name.toLowerCase() === kind))(
    'BF-1 while %s is unavailable users can sign in and each node counts guesses itself',
    async () => {
      const [here] = nodes;
      const ada = await here.signedIn();
      await store.stop();
      const login =
        'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { id } }';
      const codes: (string | undefined)[] = [];
      await here.browser().login(ada);
      for (let n = 0; n < 6; n += 1) {
        const { errors } = await here
          .browser()
          .gql(login, { email: ada.email, password: 'certainly not the password' });
        codes.push(errors[0]?.extensions.code);
      }
      await store.start();
      expect(codes).toEqual([...Array.from({ length: 5 }, () => 'INVALID_CREDENTIALS'), 'TOO_MANY_REQUESTS']);
    },
  );
});
