import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { upgradeRequest } from './kit/raw-upgrade.js';
import { clientFrame } from './kit/raw-web-socket.js';
import { startServer, type TestServer } from './kit/server.js';

let server: TestServer;

beforeAll(async () => {
  // Only pings use intervals here.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } });
});
afterAll(async () => {
  vi.useRealTimers();
  await server.stop();
});

async function openSockets(): Promise<number> {
  const metric = server.app.get(Registry).getSingleMetric('sallyport_sockets');
  const { values } = (await metric?.get()) ?? { values: [] };
  return values.reduce((sum, { value }) => sum + value, 0);
}

/** Opens a socket that completes the handshake, is acknowledged, and then neither reads nor writes. */
async function silentPeer(token: string): Promise<Socket> {
  const { port } = new URL(server.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(upgradeRequest(server.url));
  await once(socket, 'data');
  socket.write(clientFrame(1, JSON.stringify({ type: 'connection_init', payload: { token } })));
  await once(socket, 'data');
  socket.pause();
  return socket;
}

it('WS-8 a peer that never reads nor answers a ping is terminated within 30 seconds, and the next one is admitted', async () => {
  const { browser } = await server.signedIn();
  const socket = await silentPeer(await browser.token());
  expect(await openSockets()).toBe(1);
  await vi.advanceTimersByTimeAsync(11_000);
  expect(await openSockets()).toBe(1);
  await vi.advanceTimersByTimeAsync(19_000);
  await expect.poll(openSockets).toBe(0);
  const ended = once(socket, 'close');
  socket.resume();
  await ended;
});
