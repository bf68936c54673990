import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startServer, type TestServer } from './kit/server.js';

let server: TestServer;

beforeAll(async () => {
  // Pings are driven by intervals and nothing else here is.
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

/** A peer by hand: it completes the handshake, is acknowledged, and then neither reads nor writes. */
async function silentPeer(token: string): Promise<Socket> {
  const { port, host } = new URL(server.url);
  const socket = connect(Number(port), '127.0.0.1');
  const handshake = [
    'GET /graphql HTTP/1.1',
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: graphql-transport-ws',
  ];
  socket.write(`${handshake.join('\r\n')}\r\n\r\n`);
  await once(socket, 'data');
  socket.write(textFrame(JSON.stringify({ type: 'connection_init', payload: { token } })));
  await once(socket, 'data');
  socket.pause();
  return socket;
}

/** A masked frame of 126 to 65,535 bytes, with a mask of zeroes. */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
}

it('WS-8 a peer that never reads nor answers a ping is ended within 30 seconds, and the next one is let in', async () => {
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
