import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { openSocket } from '../src/testing/live-socket.js';
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

describe('on one node', () => {
  beforeAll(async () => {
    server = await startServer({ env: ENV });
    nodes = [server];
  });
  afterAll(() => server.stop());
  opensOneSocket();
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
