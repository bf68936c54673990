import { afterAll, beforeAll, expect, it } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { openSocket } from '../src/testing/live-socket.js';
import { startServer, type TestServer } from './kit/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600', TOKEN_SINGLE_USE: 'true' } });
});
afterAll(() => server.stop());

/** Presents a token: the close code that refuses it, or null when it opens the socket. */
async function present(token: string): Promise<number | null> {
  const socket = await openSocket(server.url);
  socket.send({ type: 'connection_init', payload: { token } });
  const refused = socket.waitForClose().then(({ code }) => code);
  const opened = socket.waitForMessage('connection_ack').then(
    () => null,
    () => refused,
  );
  return opened;
}

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
