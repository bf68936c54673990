import { connect, type Socket } from 'node:net';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NotificationsFeed } from '../src/feeds/notifications/notifications.feed.js';
import { ConnectionRegistry } from '../src/live/gateway/connection/connection-registry.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { topicOf } from '../src/live/topics/topic.js';
import { TopicBus } from '../src/live/topics/topic.bus.js';
import { LiveSocket, openSocket } from '../src/testing/live-socket.js';
import { upgradeRequest } from './kit/raw-upgrade.js';
import { publishCount } from './kit/publish.js';
import { clientFrame, RawWebSocket } from './kit/raw-web-socket.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';

const KIBIBYTE = 1024;

let server: TestServer;
let ada: SignedIn;

beforeAll(async () => {
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } });
  ada = await server.signedIn('ada');
});

afterAll(() => server.stop());

async function closedWith(code: number | 'other'): Promise<number> {
  const metric = server.app.get(Registry).getSingleMetric('sallyport_sockets_closed_total');
  const { values } = (await metric?.get()) ?? { values: [] };
  return values.find(({ labels }) => String(labels['code']) === String(code))?.value ?? 0;
}

describe('a message that only a server may send', () => {
  const next = '{"type":"next","id":"1","payload":{"data":{}}}';
  const error = '{"type":"error","id":"1","payload":[{"message":"x"}]}';
  const messages = [
    ['connection_ack', '{"type":"connection_ack"}'],
    ['next', next],
    ['error', error],
  ] as const;

  it.each(messages)('%s closes with 4400 before the ack', async (_, text) => {
    const socket = await openSocket(server.url);
    socket.send(text);
    expect((await socket.waitForClose()).code).toBe(CloseCode.BadRequest);
  });

  it.each(messages)('%s closes with 4400 after the ack', async (_, text) => {
    const socket = await ada.socket();
    socket.send(text);
    expect((await socket.waitForClose()).code).toBe(CloseCode.BadRequest);
  });

  it('a Complete of an unknown operation is ignored', async () => {
    const socket = await ada.socket();
    socket.send({ type: 'complete', id: 'never-there' });
    await socket.settled();
    await socket.close();
  });
});

describe('a server error', () => {
  /** Makes the field's resolver fail in an unexpected way until the returned function is called. */
  function breakUserCount(fail: () => never): () => void {
    const field = server.app.get(GraphQLSchemaHost).schema.getSubscriptionType()?.getFields()['userCount'];
    const original = field?.subscribe;
    if (!field || !original) throw new Error('userCount is not there');
    // A GraphQLError would be a normal result; graphql-js itself throws if the value is not an async iterable.
    field.subscribe = () => fail;
    return () => (field.subscribe = original);
  }

  it('in a Subscribe is an Error for its id, and the socket stays open', async () => {
    const mend = breakUserCount(() => {
      throw new Error('never called');
    });
    const socket = await ada.socket();
    socket.subscribe('1', 'subscription { userCount }');
    const { payload } = await socket.waitForMessage('error', '1').finally(mend);
    expect(payload).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
    await socket.settled();
    await socket.close();
  });
});

describe('an operation’s id', () => {
  const frame = (id: string, type: string, payload?: object) => clientFrame(1, JSON.stringify({ id, type, payload }));
  const subscribe = (id: string) => frame(id, 'subscribe', { query: 'subscription { userCount }' });
  const refused = frame('1', 'subscribe', { query: 'subscription { nothing }' });
  const complete = frame('1', 'complete');

  it.each([
    ['has started', [subscribe('1'), complete, subscribe('1')], false],
    ['was refused', [refused, complete, subscribe('1')], false],
    ['has ended', [complete, subscribe('1')], true],
  ])('may be used again before graphql-ws knows that the first subscription %s', async (_, frames, isRunning) => {
    const { viewerId, browser } = await server.signedIn();
    const socket = await RawWebSocket.open(server.url);
    const payload = { token: await browser.token(), resumable: true, positions: true };
    socket.send(JSON.stringify({ type: 'connection_init', payload }));
    await socket.waitForText('connection_ack');
    if (isRunning) {
      await socket.write(subscribe('1'));
      await socket.waitForText('"operation":"1"');
    }
    // In one segment: the server reads them at once.
    await socket.write(Buffer.concat(frames));
    await publishCount(server, viewerId, 7);
    await socket.waitForText('"userCount":7');
    await socket.write(Buffer.concat([complete, clientFrame(1, '{"type":"ping"}')]));
    await socket.waitForText('"pong"');
    await publishCount(server, viewerId, 8);
    await socket.write(subscribe('2'));
    await socket.waitForText('"id":"2"');
    const ofFirst = socket.texts.filter((text) => text.startsWith('{"id":"1"'));
    expect(ofFirst).toEqual([expect.stringContaining('"userCount":7')]);
    socket.socket.destroy();
  });
});

describe('a socket is closed', () => {
  it('with 4409 also if the id in use is too long for a reason', async () => {
    const socket = await ada.socket();
    const id = 'i'.repeat(128);
    socket.subscribe(id, 'subscription { userCount }');
    await socket.settled();
    socket.subscribe(id, 'subscription { userCount }');
    expect((await socket.waitForClose()).code).toBe(CloseCode.SubscriberAlreadyExists);
  });

  it.each([
    ['WebSocket pings', (socket: LiveSocket) => socket.ws.ping()],
    ['unsolicited pongs', (socket: LiveSocket) => socket.ws.pong()],
    ['Pong messages', (socket: LiveSocket) => socket.send({ type: 'pong' })],
    ['Complete messages', (socket: LiveSocket) => socket.send({ type: 'complete', id: '1' })],
  ])('WS-3 with 1008 on a flood of %s, before and after the ack', async (_, send) => {
    const stranger = await openSocket(server.url);
    for (let sent = 0; sent < 20; sent++) send(stranger);
    expect((await stranger.waitForClose()).code).toBe(CloseCode.PolicyViolation);
    const known = await ada.socket();
    for (let sent = 0; sent < 2000; sent++) send(known);
    expect((await known.waitForClose()).code).toBe(CloseCode.PolicyViolation);
  });

  it('WS-2 with 1009 on a message over 32 KiB before the ack, but not after it', async () => {
    const big = JSON.stringify({ type: 'ping', payload: { pad: 'x'.repeat(40_000) } });
    const stranger = await openSocket(server.url);
    stranger.send(big);
    expect((await stranger.waitForClose()).code).toBe(CloseCode.MessageTooBig);
    const known = await ada.socket();
    known.send(big);
    await known.waitForMessage('pong');
    await known.close();
  });

  it('WS-2 when a message has too many frames', async () => {
    const socket = await ada.socket();
    for (let sent = 0; sent < 1000; sent++) socket.ws.send(' ', { fin: false });
    expect((await socket.waitForClose()).code).toBe(CloseCode.PolicyViolation);
  });
});

describe('the data that waits on a socket', () => {
  it('WS-6 is limited for replies and events: a client that never reads is closed with 4413, which is counted', async () => {
    const before = await closedWith(CloseCode.ReaderTooSlow);
    const socket = await ada.socket();
    socket.subscribe('events', 'subscription { notifications { id } }');
    await socket.settled();
    const connection = [...server.app.get(ConnectionRegistry).all].at(-1);
    socket.ws.pause();
    const rss = process.memoryUsage().rss;
    // Events fill the kernel's buffers and most of the socket's limit of 512 KiB; responses fill the rest.
    const topic = topicOf(NotificationsFeed.topic, ada.viewerId);
    const notification = { kind: 'test', title: 't', body: 'b', createdAt: '2026-01-01T00:00:00.000Z' };
    const backlog = (): number => connection?.backlogBytes ?? Infinity;
    while (backlog() < 450 * KIBIBYTE) {
      const payload = { ...notification, id: 'x'.repeat(10_000) };
      await server.app.get(TopicBus).publish([{ topic, payload }]);
    }
    expect(await closedWith(CloseCode.ReaderTooSlow)).toBe(before);
    const fields = Array.from({ length: 20 }, (_, index) => `f${index}${'x'.repeat(80)}`).join(' ');
    let round = 0;
    const askMore = (): void => {
      for (const until = round + 30; round < until; round++)
        socket.subscribe(String(round), `subscription { ${fields} }`);
    };
    // More than once, since the kernel's buffers may have grown meanwhile.
    const more = setInterval(askMore, 4_000);
    askMore();
    await expect
      .poll(() => closedWith(CloseCode.ReaderTooSlow), { timeout: 60_000 })
      .toBe(before + 1)
      .finally(() => clearInterval(more));
    expect(process.memoryUsage().rss - rss).toBeLessThan(60 * 1024 * KIBIBYTE);
    socket.ws.terminate();
  });

  it('contains no message that repeats a client’s long text', async () => {
    const socket = await ada.socket();
    socket.subscribe('1', `subscription { ${'x'.repeat(60_000)} }`);
    const error = await socket.waitForMessage('error', '1');
    expect(JSON.stringify(error).length).toBeLessThan(2000);
    await socket.close();
  });
});

describe('closing', () => {
  it('counts unknown close codes of clients together', async () => {
    const before = await closedWith('other');
    const socket = await ada.socket();
    socket.ws.close(4999);
    await socket.waitForClose();
    await expect.poll(() => closedWith('other')).toBe(before + 1);
  });

  it('answers valid messages before the Close that follows them at once', async () => {
    const raw = await openRaw(server.url);
    raw.socket.write(
      Buffer.concat([
        clientFrame(1, '{"type":"ping"}'),
        clientFrame(9, Buffer.from('are you there')),
        clientFrame(8, code(1000)),
      ]),
    );
    await raw.ended;
    const frames = raw.frames();
    expect(frames).toContainEqual({ opcode: 1, payload: '{"type":"pong"}' });
    expect(frames).toContainEqual({ opcode: 10, payload: 'are you there' });
    expect(frames.map(({ opcode }) => opcode).indexOf(8)).toBe(2);
  });

  it('answers valid messages before the Close that a broken frame causes', async () => {
    const raw = await openRaw(server.url);
    raw.socket.write(Buffer.concat([clientFrame(1, '{"type":"ping"}'), clientFrame(3, Buffer.alloc(0))]));
    await raw.ended;
    const [pong, close] = raw.frames();
    expect(pong).toEqual({ opcode: 1, payload: '{"type":"pong"}' });
    expect(close).toEqual({ opcode: 8, payload: code(1002).toString('latin1') });
  });
});

interface Frame {
  readonly opcode: number;
  readonly payload: string;
}

interface RawSocket {
  readonly socket: Socket;
  readonly ended: Promise<void>;
  frames(): Frame[];
}

/** Opens a bare WebSocket that can send several frames in one segment. */
async function openRaw(url: string): Promise<RawSocket> {
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  let received = Buffer.alloc(0);
  const opened = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.includes('\r\n\r\n')) resolve();
    });
  });
  const ended = new Promise<void>((resolve) => void socket.once('end', resolve));
  socket.write(upgradeRequest(url));
  await opened;
  return { socket, ended, frames: () => framesOf(received.subarray(received.indexOf('\r\n\r\n') + 4)) };
}

function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + 1 < bytes.length;) {
    const length = bytes[at + 1] ?? 0;
    frames.push({ opcode: (bytes[at] ?? 0) & 15, payload: bytes.toString('latin1', at + 2, at + 2 + length) });
    at += 2 + length;
  }
  return frames;
}

function code(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}
