import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OrdinaryRequests } from '../../live/gateway/admission/ordinary-request.js';
import { type HttpConnectionEnd, type HttpConnectionLimits, HttpConnections } from './http-connections.js';

let server: Server;
let answers: ServerResponse[];
let ends: HttpConnectionEnd[];
let clients: Socket[];
let connections: HttpConnections;

async function serve(limits: Partial<HttpConnectionLimits>): Promise<void> {
  connections = new HttpConnections(
    { total: 1000, perAddress: 1000, ceiling: Infinity, exempt: () => false, ...limits },
    (end) => ends.push(end),
  );
  connections.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

beforeEach(() => {
  [answers, ends, clients] = [[], [], []];
  server = createServer((_request, response) => void answers.push(response));
});
afterEach(async () => {
  vi.useRealTimers();
  for (const client of clients) client.destroy();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** Opens one connection that the server has seen, and sends some text. */
async function open(text = ''): Promise<Socket> {
  const seen = once(server, 'connection');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  client.resume();
  clients.push(client);
  await seen;
  if (text) client.write(text);
  return client;
}

const openMany = async (count: number, text?: string): Promise<Socket[]> => {
  const sockets: Socket[] = [];
  for (let index = 0; index < count; index++) sockets.push(await open(text));
  return sockets;
};

const ASK = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const closed = (client: Socket) => (client.closed ? Promise.resolve() : once(client, 'close'));
const asked = (count: number) => vi.waitFor(() => expect(answers.length).toBe(count));

describe('HTTP connections', () => {
  it('beyond the total close the one that has waited longest for its request', async () => {
    await serve({ total: 3 });
    const [first, second, third] = await openMany(3, 'GET / HT');
    await open();
    await closed(first!);
    expect(connections.size).toBe(3);
    expect([second!.destroyed, third!.destroyed, ends]).toEqual([false, false, ['evicted']]);
  });

  it('whose request is being answered are not closed for a newer one', async () => {
    await serve({ total: 2 });
    const busy = await open(ASK);
    await asked(1);
    const slow = await open('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nslow');
    await asked(2);
    const next = await open(ASK);
    await closed(slow);
    await asked(3);
    expect([busy.destroyed, next.destroyed]).toEqual([false, false]);
  });

  it('that wait for their next request are closed in the order in which they were answered', async () => {
    await serve({ total: 2 });
    const first = await open(ASK);
    await asked(1);
    const second = await open(ASK);
    await asked(2);
    const answered = answers.map((answer) => once(answer, 'close'));
    answers[1]!.end('ok');
    await answered[1];
    answers[0]!.end('ok');
    await answered[0];
    await open();
    await closed(second);
    expect(first.destroyed).toBe(false);
  });

  it('that are all being answered leave room for probes only', async () => {
    await serve({ total: 2 });
    await openMany(2, ASK);
    await asked(2);
    const seen = once(server, 'request');
    await open(ASK);
    await seen;
    expect(connections.isSpare(answers[2]!.req.socket)).toBe(true);
    expect(answers[2]!.getHeader('connection')).toBe('close');
    for (let count = 4; count <= 18; count++) {
      await open(ASK);
      await asked(count);
    }
    await closed(await open());
    expect([connections.size, ends]).toEqual([18, ['refused']]);
  });

  it('are limited per address, without closing those of others', async () => {
    await serve({ perAddress: 2, exempt: (address) => address === '127.0.0.2' });
    vi.useFakeTimers({ toFake: ['performance'] });
    const [first] = await openMany(2);
    vi.advanceTimersByTime(1_000);
    await open();
    await closed(first!);
    expect(connections.size).toBe(2);
  });

  it('of a burst are all accepted, and closed when their time is over', async () => {
    await serve({ perAddress: 2 });
    vi.useFakeTimers({ toFake: ['performance'] });
    const opened = await openMany(6);
    expect(connections.size).toBe(6);
    vi.advanceTimersByTime(1_000);
    await open();
    await Promise.all(opened.slice(0, 5).map(closed));
    expect(connections.size).toBe(2);
  });

  it('are not limited for the address of a proxy', async () => {
    await serve({ perAddress: 2, exempt: (address) => address === '127.0.0.1' });
    vi.useFakeTimers({ toFake: ['performance'] });
    for (let index = 0; index < 5; index++) {
      await open();
      vi.advanceTimersByTime(1_000);
    }
    expect(connections.size).toBe(5);
  });

  it('of clients that do not read are closed like those without a request', async () => {
    await serve({ total: 1 });
    vi.useFakeTimers({ toFake: ['performance'] });
    const hanging = await open(ASK);
    await asked(1);
    vi.advanceTimersByTime(30_001);
    await open();
    await closed(hanging);
    expect(ends).toEqual(['evicted']);
  });

  it('that have become WebSockets are not counted', async () => {
    server.on('upgrade', (_request, socket) => void once(clients[0]!, 'close').then(() => socket.destroy()));
    await serve({ total: 1 });
    const upgraded = once(server, 'upgrade');
    const socket = await open('GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
    await upgraded;
    expect(connections.size).toBe(0);
    await openMany(2);
    expect(socket.destroyed).toBe(false);
  });

  it('are counted, each once, while an upgrade to another protocol waits for an earlier response and after it', async () => {
    const ordinary = new OrdinaryRequests(server);
    server.on('upgrade', (request, socket: Socket, head) => ordinary.serve(request, socket, head));
    await serve({});
    const upgraded = once(server, 'upgrade');
    const client = await open(`${ASK}GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n`);
    await upgraded;
    expect(connections.size).toBe(1);
    answers[0]!.end('ok');
    await asked(2);
    expect(connections.size).toBe(1);
    client.destroy();
    await vi.waitFor(() => expect(connections.size).toBe(0));
  });

  it('are forgotten when they close', async () => {
    await serve({});
    for (const client of await openMany(5, ASK)) client.destroy();
    await vi.waitFor(() => expect(connections.size).toBe(0));
  });
});
