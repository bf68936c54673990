import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import type { Connection } from './connection.js';
import { toBytes } from './frame.js';
import { type Flushable, FrameWriter, WriteBatcher } from './frame-writer.js';
import { GatewaySocket, SOCKET_OPTIONS, type SocketEvents } from './gateway-socket.js';

const PATIENCE = { timeout: 30_000, interval: 5 };
const HEAD_END = '\r\n\r\n';
const CLOSE_1000 = '\x88\x02\x03\xe8';
const owner = { backlogExceeded: vi.fn() };

let http: Server;
let client: Socket;
/** What the peer has got behind the 101, one character a byte. */
let received: string;
let head: string;
let stream: Socket;
let socket: GatewaySocket;
let writer: FrameWriter;

/** Answers each message, and ignores the rest. */
const events: SocketEvents = {
  message: () => writer.text(toBytes('answer')),
  ping: () => {},
  pong: () => {},
  close: () => {},
  error: () => {},
};

beforeEach(async () => {
  [head, received] = ['', ''];
  const server = new WebSocketServer<typeof GatewaySocket>(SOCKET_OPTIONS);
  http = createServer();
  const upgraded = new Promise<void>((resolve) => {
    http.on('upgrade', (request: IncomingMessage, upgrading: Socket, first: Buffer) => {
      server.handleUpgrade(request, upgrading, first, (accepted) => {
        [socket, stream] = [accepted, upgrading];
        writer = new FrameWriter(stream, new WriteBatcher(), owner);
        resolve();
      });
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  client = connect((http.address() as AddressInfo).port, '127.0.0.1');
  let all = '';
  client.on('data', (bytes) => {
    all += bytes.toString('latin1');
    const end = all.indexOf(HEAD_END) + HEAD_END.length;
    [head, received] = [all.slice(0, end), all.slice(end)];
  });
  client.write(
    [
      'GET / HTTP/1.1',
      'Host: x',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: graphql-transport-ws',
      'Sec-WebSocket-Extensions: permessage-deflate',
      HEAD_END,
    ]
      .join('\r\n')
      .slice(0, -2),
  );
  await upgraded;
  await vi.waitFor(() => expect(head).toContain('101'), PATIENCE);
});

afterEach(() => {
  vi.restoreAllMocks();
  client.destroy();
  socket.terminate();
  http.close();
});

const got = (bytes: string): Promise<void> => vi.waitFor(() => expect(received).toBe(bytes), PATIENCE);

/** A client's frame, masked with zeros. */
const frame = (first: number, payload: string): Buffer =>
  Buffer.from(`${String.fromCharCode(first, 0x80 | payload.length)}\0\0\0\0${payload}`, 'latin1');

describe('ws, as the frame writer assumes,', () => {
  it('writes to the stream of the upgrade, after earlier data', async () => {
    writer.text(toBytes('a'));
    writer.flush();
    socket.closeNow(1000, '');
    await got(`\x81\x01a${CLOSE_1000}`);
  });

  it('writes nothing by itself in answer to texts, fragments, pings and pongs', async () => {
    const seen: string[] = [];
    socket.on('message', (data: Buffer) => seen.push(data.toString()));
    socket.on('ping', () => seen.push('ping')).on('pong', () => seen.push('pong'));
    const before = stream.bytesWritten;
    client.write(
      Buffer.concat([
        frame(0x81, 'text'),
        frame(0x89, 'p'),
        frame(0x8a, ''),
        frame(0x01, 'in '),
        frame(0x89, ''),
        frame(0x80, 'two'),
      ]),
    );
    await vi.waitFor(() => expect(seen).toEqual(['text', 'ping', 'pong', 'ping', 'in two']), PATIENCE);
    expect([stream.bytesWritten - before, received]).toEqual([0, '']);
  });

  it('leaves the stream uncorked, also while it reads', async () => {
    const corked: number[] = [stream.writableCorked];
    socket.on('message', () => {
      corked.push(stream.writableCorked);
      writer.text(toBytes('ÿ'));
      writer.flush();
      corked.push(stream.writableLength);
    });
    client.write(frame(0x81, 'x'));
    await got('\x81\x02\xc3\xbf');
    expect(corked).toEqual([0, 0, 0]);
  });

  it('has written its Close frame when close() returns', () => {
    const before = stream.bytesWritten;
    socket.closeNow(1000, '');
    expect(stream.bytesWritten - before).toBe(CLOSE_1000.length);
  });

  it('accepts no extension that the client offers', () => {
    expect(head.toLowerCase()).not.toContain('sec-websocket-extensions');
  });

  it('calls close() of the configured class, after a Close frame and after a broken one', async () => {
    const stopSending = vi.fn(() => writer.finish());
    socket.attach({ stopSending } as unknown as Connection, events);
    // A text, then a frame with a reserved opcode.
    client.write(Buffer.concat([frame(0x81, 'x'), frame(0x83, '')]));
    await got('\x81\x06answer\x88\x02\x03\xea');
    expect(stopSending).toHaveBeenCalledTimes(1);
  });

  it('answers a Close through the same close(), with the received code', async () => {
    const stopSending = vi.fn(() => writer.finish());
    socket.attach({ stopSending } as unknown as Connection, events);
    client.write(Buffer.concat([frame(0x81, 'x'), frame(0x88, '\x03\xe8'), frame(0x81, 'late')]));
    await got(`\x81\x06answer${CLOSE_1000}`);
    expect(stopSending).toHaveBeenCalledTimes(1);
  });
});

describe('a frame writer', () => {
  it('joins the frames of one turn into one write', async () => {
    const write = vi.spyOn(stream, 'write');
    writer.text(toBytes('a'));
    writer.ping();
    writer.pong(Buffer.from('p'));
    writer.text(toBytes('b'));
    await got('\x81\x01a\x89\x00\x8a\x01p\x81\x01b');
    expect(write).toHaveBeenCalledTimes(1);
  });

  it('joins the frames of several turns that may wait', async () => {
    const write = vi.spyOn(stream, 'write');
    for (const message of ['a', 'b']) {
      writer.text(toBytes(message), 3_600_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    writer.text(toBytes('c'), 1);
    await got('\x81\x01a\x81\x01b\x81\x01c');
    expect(write).toHaveBeenCalledTimes(1);
  });

  it('writes a frame that may wait before one that may not, at the end of the turn of that one', async () => {
    const write = vi.spyOn(stream, 'write');
    writer.text(toBytes('a'), 3_600_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(write).not.toHaveBeenCalled();
    writer.text(toBytes('b'));
    await got('\x81\x01a\x81\x01b');
    expect(write).toHaveBeenCalledTimes(1);
  });

  it('waits only as long as every frame may', async () => {
    writer.text(toBytes('a'), 3_600_000);
    writer.text(toBytes('b'), 5);
    await got('\x81\x01a\x81\x01b');
    writer.text(toBytes('c'), 5);
    await got('\x81\x01a\x81\x01b\x81\x01c');
  });

  it('writes what may still wait when it finishes', async () => {
    writer.text(toBytes('last'), 3_600_000);
    writer.finish();
    await got('\x81\x04last');
  });

  it('writes what is queued when it finishes, and nothing after that', async () => {
    writer.text(toBytes('last'));
    writer.finish();
    writer.text(toBytes('late'));
    writer.ping();
    socket.closeNow(1000, '');
    await got(`\x81\x04last${CLOSE_1000}`);
  });

  it('notifies its owner when more than 512 KiB are queued, and waits for a full stream', async () => {
    client.pause();
    const block = toBytes('x'.repeat(60_000));
    while (owner.backlogExceeded.mock.calls.length === 0) {
      writer.text(block);
      writer.flush();
    }
    expect(writer.isFull).toBe(true);
    expect(writer.backlogBytes).toBeGreaterThan(512 * 1024);
    const drained = writer.drained();
    client.resume();
    await drained;
    expect(writer.isFull).toBe(false);
  });

  it('is not full while a stream with a higher limit accepts more, since waiting for it would never wait', async () => {
    const server = createTcpServer({ highWaterMark: 1024 * 1024 }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const peer = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
    const [accepted] = (await once(server, 'connection')) as [Socket];
    const wide = new FrameWriter(accepted, new WriteBatcher(), owner);
    while (wide.backlogBytes < 128 * 1024) {
      wide.text(toBytes('x'.repeat(60_000)));
      wide.flush();
    }
    expect(accepted.writableNeedDrain).toBe(false);
    expect(wide.isFull).toBe(false);
    peer.destroy();
    accepted.destroy();
    server.close();
  });

  it('keeps no more frames for a peer that has ended its side and does not read', async () => {
    client.pause();
    const block = toBytes('x'.repeat(60_000));
    while (!writer.isFull) {
      writer.text(block);
      writer.flush();
    }
    client.end();
    await vi.waitFor(() => expect(stream.writable).toBe(false), PATIENCE);
    const queued = writer.backlogBytes;
    for (let sent = 0; sent < 20; sent++) writer.text(block);
    writer.flush();
    expect(writer.backlogBytes).toBeLessThanOrEqual(queued);
  });
});

describe('frames that may wait', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('wait as long on each connection, whenever others began to wait', () => {
    const flushed: string[] = [];
    const connection = (name: string): Flushable => ({ flush: () => {}, flushDue: () => void flushed.push(name) });
    const batcher = new WriteBatcher();
    batcher.addLater(connection('first'), 20);
    vi.advanceTimersByTime(15);
    batcher.addLater(connection('second'), 20);
    batcher.addLater(connection('soon'), 5);
    vi.advanceTimersByTime(5);
    expect(flushed).toEqual(['first', 'soon']);
    vi.advanceTimersByTime(12);
    expect(flushed).toEqual(['first', 'soon']);
    vi.advanceTimersByTime(3);
    expect(flushed).toEqual(['first', 'soon', 'second']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('wait as long after earlier ones that were written sooner', () => {
    writer.text(toBytes('a'), 20);
    vi.advanceTimersByTime(10);
    writer.flush();
    writer.text(toBytes('b'), 20);
    vi.advanceTimersByTime(16);
    expect(writer.backlogBytes).toBe('\x81\x01b'.length);
    vi.advanceTimersByTime(4);
    expect(writer.backlogBytes).toBe(0);
  });

  it('wait no longer because a later one may wait a little less', () => {
    writer.text(toBytes('a'), 100);
    vi.advanceTimersByTime(80);
    writer.text(toBytes('b'), 90);
    vi.advanceTimersByTime(20);
    expect(writer.backlogBytes).toBe(0);
  });
});
