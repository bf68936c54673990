import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ApiTokens } from '../src/identity/api-tokens/api-tokens.service.js';
import { UnavailableError } from '../src/live/errors/sallyport.errors.js';
import { ConnectionRegistry } from '../src/live/gateway/connection/connection-registry.js';
import { SharedStoreHealth } from '../src/live/store/store-health.js';
import { TokenReplayStore } from '../src/live/tokens/token-replay.store.js';
import { externalViewer } from '../src/live/viewer/external-viewer.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { closeCodeFor, type LiveSocket, openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { startServer, type TestServer } from './kit/server.js';
import { startTwoNodes, type TwoNodes } from './kit/two-nodes.js';

const ENV = { USER_COUNT_INTERVAL_SECONDS: '3600', TOKEN_SINGLE_USE: 'true' };

let nodes: readonly TestServer[];
let server: TestServer;
let turn = 0;

/** Presents a token to each node in turn; returns the close code, or null if the socket opens. */
async function present(token: string): Promise<number | null> {
  const socket = await openSocket(nodes[turn++ % nodes.length]!.url);
  socket.send({ type: 'connection_init', payload: { token } });
  const refused = socket.waitForClose().then(({ code }) => code);
  const opened = socket.waitForMessage('connection_ack').then(
    () => null,
    () => refused,
  );
  return opened;
}

function opensOneSocket(): void {
  it('TK-9 a token opens one socket with TOKEN_SINGLE_USE, and the next one needs a new token', async () => {
    const ada = await server.signedIn();
    const token = await ada.browser.token();
    expect(await present(token)).toBeNull();
    expect(await present(token)).toBe(CloseCode.Forbidden);
    expect(await present(await ada.browser.token())).toBeNull();
  });

  it('TK-9 one of ten sockets that present it at once is admitted', async () => {
    const ada = await server.signedIn();
    const token = await ada.browser.token();
    const codes = await Promise.all(Array.from({ length: 10 }, () => present(token)));
    expect(codes.filter((code) => code === null)).toHaveLength(1);
    expect(codes.filter((code) => code === CloseCode.Forbidden)).toHaveLength(9);
  });

  it('TK-9 a token that is refused because its session has ended stays unused', async () => {
    const ada = await server.signedIn();
    const token = await ada.browser.token();
    await ada.browser.logout();
    expect([await present(token), await present(token)]).toEqual([CloseCode.Unauthorized, CloseCode.Unauthorized]);
  });
}

/** A page of this shop may use only its customers' tokens. */
const SHOP = 'demo.myshopify.com';

describe('on one node', () => {
  beforeAll(async () => {
    const shop = { APP_PROXY_SECRET: 'hush-hush-hush-hush-hush-hush-hush', APP_PROXY_SHOPS: SHOP };
    server = await startServer({ env: { ...ENV, ...shop, THROTTLE_EXEMPT: '127.0.0.1' } });
    nodes = [server];
  });
  afterAll(() => server.stop());
  opensOneSocket();

  it('TK-9 a token of POST /tokens opens one socket', async () => {
    const viewer = externalViewer('acme', 'ann')!;
    const { token } = await server.app.get(ApiTokens, { strict: false }).sign({ viewer, session: null });
    expect([await present(token), await present(token)]).toEqual([null, CloseCode.Forbidden]);
  });

  it('TK-9 a token refreshes one socket, and then opens none', async () => {
    const ada = await server.signedIn();
    const [socket, token] = [await ada.socket(), await ada.browser.token()];
    socket.send({ type: 'ping', payload: { token } });
    await socket.waitForMessage('pong');
    expect(await present(token)).toBe(CloseCode.Forbidden);
    socket.send({ type: 'ping', payload: { token } });
    expect((await socket.waitForClose()).code).toBe(CloseCode.Forbidden);
  });

  it('TK-9 a token that is one socket too many stays unused', async () => {
    const ada = await server.signedIn();
    const sockets: LiveSocket[] = [];
    for (let count = 0; count < 20; count += 1) sockets.push(await ada.socket());
    const token = await ada.browser.token();
    expect(await present(token)).toBe(CloseCode.TryAgainLater);
    await sockets[0]!.close();
    await vi.waitFor(() =>
      expect(server.app.get(ConnectionRegistry, { strict: false }).countOfViewer(ada.viewerId)).toBe(19),
    );
    expect(await present(token)).toBeNull();
  });

  it('TK-9 of thirty sockets at once, each with its own token, no more than twenty are admitted', async () => {
    const ada = await server.signedIn();
    const tokens = await Promise.all(Array.from({ length: 30 }, () => ada.browser.token()));
    const codes = await Promise.all(tokens.map(present));
    expect(codes.filter((code) => code === null)).toHaveLength(20);
    expect(codes.filter((code) => code === CloseCode.TryAgainLater)).toHaveLength(10);
  });

  it('TK-9 a token from the wrong origin stays unused', async () => {
    const ada = await server.signedIn();
    const token = await ada.browser.token();
    expect(await closeCodeFor(server.url, token, { origin: `https://${SHOP}` })).toBe(CloseCode.Forbidden);
    expect(await present(token)).toBeNull();
  });

  it('TK-9 a token that comes while events cannot be delivered stays unused', async () => {
    const ada = await server.signedIn();
    const token = await ada.browser.token();
    const away = vi.spyOn(server.app.get(SharedStoreHealth, { strict: false }), 'isAvailable').mockReturnValue(false);
    expect(await present(token)).toBe(CloseCode.TryAgainLater);
    away.mockRestore();
    expect(await present(token)).toBeNull();
  });

  it("TK-9 a token that refreshes another viewer's socket stays unused", async () => {
    const [ada, bob] = [await server.signedIn(), await server.signedIn()];
    const [socket, token] = [await ada.socket(), await bob.browser.token()];
    socket.send({ type: 'ping', payload: { token } });
    expect((await socket.waitForClose()).code).toBe(CloseCode.Forbidden);
    expect(await present(token)).toBeNull();
  });

  it('TK-9 a token that cannot be claimed opens no socket', async () => {
    const ada = await server.signedIn();
    const claim = vi.spyOn(server.app.get(TokenReplayStore, { strict: false }), 'claim');
    claim.mockRejectedValueOnce(new UnavailableError());
    expect(await present(await ada.browser.token())).toBe(CloseCode.TryAgainLater);
    claim.mockRestore();
  });
});

needs('postgres')('on two nodes with PostgreSQL alone', () => {
  let pair: TwoNodes;
  beforeAll(async () => {
    pair = await startTwoNodes(ENV, 'postgres');
    nodes = pair.nodes;
    [server] = pair.nodes;
  });
  afterAll(() => pair.stop());
  opensOneSocket();
});
