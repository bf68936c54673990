import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { NotificationsFeed } from '../src/feeds/notifications/notifications.feed.js';
import { UserCountFeed } from '../src/feeds/user-count/user-count.feed.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { type TopicDefinition, topicOf } from '../src/live/topics/topic.js';
import { TopicBus } from '../src/live/topics/topic.bus.js';
import { type LiveSocket, openSocket } from '../src/testing/live-socket.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';

const MEBIBYTE = 1024 * 1024;

let server: TestServer;
let reader: SignedIn;

beforeAll(async () => {
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } });
  reader = await server.signedIn('reader');
});

afterAll(() => server.stop());

async function subscribed(query: string): Promise<LiveSocket> {
  const socket = await openSocket(server.url, { token: await reader.browser.token(), resumable: true });
  socket.subscribe('1', query);
  await socket.settled();
  return socket;
}

/** Publishes one by one, so that the event loop runs and the socket accepts what it can. */
async function publish(definition: TopicDefinition, payloads: Iterable<unknown>): Promise<void> {
  const topic = topicOf(definition, reader.viewerId);
  for (const payload of payloads) await server.app.get(TopicBus).publish([{ topic, payload }]);
}

function* notifications(count: number): Generator {
  const body = 'x'.repeat(10_000);
  for (let id = 0; id < count; id++) {
    yield { id: String(id), kind: 'test', title: 'slow', body, createdAt: '2026-01-01T00:00:00.000Z' };
  }
}

it('WS-6 a reader that stops is closed with 4413 and costs little', async () => {
  const socket = await subscribed('subscription { notifications { id body } }');
  socket.ws.pause();
  const before = process.memoryUsage().rss;
  await publish(NotificationsFeed.topic, notifications(5000));
  // 50 MB were published; the socket's queue, the kernel's buffer and the feed's history bound what is kept.
  expect(process.memoryUsage().rss - before).toBeLessThan(40 * MEBIBYTE);
  socket.ws.resume();
  expect((await socket.waitForClose()).code).toBe(CloseCode.ReaderTooSlow);
  const received = socket.inbox.pending.filter((message) => message.type === 'next').length;
  expect(received * 10_000).toBeLessThan(20 * MEBIBYTE);
});

it('many subscriptions of one socket wait for it without a warning about too many listeners', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const data = 'x'.repeat(60_000);
  await publish(
    NotificationsFeed.topic,
    Array.from(notifications(20), (notification) => ({ ...(notification as object), data })),
  );
  const socket = await reader.socket();
  for (let id = 0; id < 20; id++) socket.subscribe(String(id), 'subscription { notifications { id data } }');
  const isLast = ({ payload }: { payload?: unknown }): boolean => JSON.stringify(payload).includes('"id":"19"');
  for (let id = 0; id < 20; id++)
    await socket.inbox.take((message) => message.id === String(id) && isLast(message), '');
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
  await socket.close();
});

it('a client that cannot resume gets a history that is larger than what may be queued on a socket', async () => {
  const data = 'x'.repeat(60_000);
  const many = Array.from(notifications(100), (notification) => ({ ...(notification as object), data }));
  await publish(NotificationsFeed.topic, many);
  const socket = await reader.socket();
  socket.subscribe('1', 'subscription { notifications { id body data } }');
  for (let id = 0; id < 100; id++) {
    const { payload } = await socket.inbox.take((message) => message.type === 'next', `event ${id}`);
    expect(payload).toMatchObject({ data: { notifications: { id: String(id) } } });
  }
  await socket.close();
});

it('a reader of the user count that pauses gets only the newest number when it continues', async () => {
  const socket = await subscribed('subscription { userCount }');
  socket.ws.pause();
  const count = 200_000;
  const topic = topicOf(UserCountFeed.topic, reader.viewerId);
  const bus = server.app.get(TopicBus);
  for (let from = 0; from < count; from += 1000) {
    await bus.publish(Array.from({ length: 1000 }, (_, index) => ({ topic, payload: from + index })));
  }
  socket.ws.resume();
  const isNewest = (message: { payload?: unknown }) => JSON.stringify(message.payload).includes(`:${count - 1}}`);
  await socket.inbox.take((message) => message.type === 'next' && isNewest(message), 'the newest number');
  expect(socket.inbox.pending.length).toBeLessThan(count - 1);
  expect((await socket.settled()).filter((message) => message.type === 'next').length).toBeLessThan(count - 1);
  await socket.close();
});

it('a reader that stops holds four histories, however many subscriptions it has started', async () => {
  await publish(NotificationsFeed.topic, notifications(100));
  const socket = await openSocket(server.url, { token: await reader.browser.token() });
  const read = vi.spyOn(server.app.get(TopicBus), 'subscribe');
  socket.ws.pause();
  // A megabyte each: the buffers of the kernel take some of them.
  const ids = Array.from({ length: 30 }, (_, index) => String(index));
  for (const id of ids) socket.subscribe(id, 'subscription { notifications { id body } }');
  await vi.waitFor(() => expect(read).toHaveBeenCalled());
  const other = await openSocket(server.url, { token: await reader.browser.token() });
  await other.settled();
  expect(read.mock.calls.length).toBeLessThan(ids.length);
  // One that is completed while it waits is not read any more.
  socket.send({ type: 'complete', id: ids.at(-1)! });
  socket.ws.resume();
  await vi.waitFor(() => expect(socket.inbox.pending).toHaveLength(100 * (ids.length - 1)), { timeout: 20_000 });
  await socket.settled();
  expect(read).toHaveBeenCalledTimes(ids.length - 1);
  await Promise.all([socket.close(), other.close()]);
});
