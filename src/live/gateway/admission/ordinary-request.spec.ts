import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { afterAll, expect, it, vi } from 'vitest';
import { certificateIn } from '../../../../test/kit/certificate.js';
import { temporaryFolder } from '../../../../test/kit/temporary-folder.js';
import { OrdinaryRequests } from './ordinary-request.js';

const folder = temporaryFolder('certificate');
afterAll(() => folder.remove());

const echo: RequestListener = (request, response) => {
  request.setEncoding('utf8').on('data', (body: string) => response.end(`${request.method} ${body}`));
};

function secureServer(): Server {
  const { cert, key } = certificateIn(folder.path);
  return createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }, echo);
}

/** Serves upgrades to other protocols as ordinary requests. Returns the port. */
async function listen(server: Server): Promise<number> {
  const ordinary = new OrdinaryRequests(server);
  server.on('upgrade', (request, socket: Socket, head) => ordinary.serve(request, socket, head));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

it.each<[string, () => Server, (port: number) => Socket]>([
  ['http', () => createServer(echo), (port) => connect(port, '127.0.0.1')],
  [
    'https',
    secureServer,
    (port) => connectSecurely({ port, host: '127.0.0.1', ca: readFileSync(certificateIn(folder.path).cert) }),
  ],
])('a request that offers h2c is answered as an ordinary one over %s', async (_, create, open) => {
  const server = create();
  const socket = open(await listen(server)).setEncoding('utf8');
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  socket.write(
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\nhello',
  );
  await once(socket, 'end');
  expect(text).toMatch(/^HTTP\/1\.1 200 OK[^]*POST hello/);
  server.close();
});

it.each<[string, (answer: ServerResponse | undefined) => unknown]>([
  ['before the response', () => {}],
  ['so that the response cannot be written', (answer) => answer?.end('late')],
])('a client that resets its connection while an upgrade waits, %s, does not end the process', async (_, respond) => {
  const answer = vi.fn<RequestListener>();
  const unhandled = vi.fn<() => void>();
  process.on('uncaughtExceptionMonitor', unhandled);
  const server = createServer(answer);
  const client = connect(await listen(server), '127.0.0.1').on('error', () => {});
  const upgraded = once(server, 'upgrade');
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  const [, socket] = (await upgraded) as [unknown, Socket];
  // Not with `once` of node:events, which listens for errors as well.
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  client.resetAndDestroy();
  respond(answer.mock.calls[0]?.[1]);
  await ended;
  process.off('uncaughtExceptionMonitor', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
  expect(answer).toHaveBeenCalledOnce();
  server.close();
});
