import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { OrdinaryRequests } from './ordinary-request.js';

const ORDINARY = 'GET /first HTTP/1.1\r\nHost: a\r\n\r\n';
const H2C = 'GET /second HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';

let server: Server;
let answers: ServerResponse[];
let client: Socket;
const unhandled = vi.fn();

beforeEach(async () => {
  answers = [];
  server = createServer((_, answer) => void answers.push(answer));
  const ordinary = new OrdinaryRequests(server);
  server.on('upgrade', (request, socket: Socket, head) => ordinary.serve(request, socket, head));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  process.on('uncaughtExceptionMonitor', unhandled);
});
afterEach(async () => {
  process.off('uncaughtExceptionMonitor', unhandled);
  client.destroy();
  server.close();
  await once(server, 'close');
});

it('a client that resets its connection while an upgrade waits for an earlier response does not end the process', async () => {
  const upgraded = once(server, 'upgrade');
  client.write(ORDINARY + H2C);
  const [, socket] = (await upgraded) as [unknown, Socket];
  // Not with `once` of node:events, which listens for errors as well.
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  client.resetAndDestroy();
  await ended;
  expect(unhandled).not.toHaveBeenCalled();
  expect(answers).toHaveLength(1);
});
