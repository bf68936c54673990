import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterEach, expect, it, vi } from 'vitest';
import { LiveTopic, TopicSubscriber } from '../src/live/topics/live-topic.js';
import { type Topic, type TopicDefinition, topicOf } from '../src/live/topics/topic.js';
import type { TopicEvent } from '../src/live/topics/topic-event.js';
import { eventOf } from '../src/live/store/redis/topic.storage.redis.js';
import { parseTraceparent } from '../src/live/tracing/trace-context.js';
import { createDatabase } from './kit/postgres-database.js';
import { postgresNode } from './kit/postgres-node.js';
import { needs } from './kit/needs.js';
import { RecordingSink } from './kit/recording-sink.js';
import { redisNode } from './kit/redis-node.js';
import { RedisServer } from './kit/redis-server.js';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const trace = parseTraceparent(TRACEPARENT) ?? undefined;
const WAIT = { timeout: 15_000, interval: 20 };
const definition = (historySize: number): TopicDefinition => ({
  name: 'notifications',
  field: 'notifications',
  historySize,
  historySeconds: 300,
  onSubscribe: 'nothing',
  slowReader: 'close',
});
const newTopic = (historySize = 100): Topic => topicOf(definition(historySize), `user:${randomUUID()}`);

/** A sink that also records the traces of its events. */
class TracesSink extends RecordingSink {
  readonly traces: unknown[] = [];

  override event(event: TopicEvent): void {
    this.traces.push(event.trace);
    super.event(event);
  }
}

let cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUp.reverse()) await one();
  cleanUp = [];
});

needs('redis')('a traced event on Redis', () => {
  async function start() {
    const server = await RedisServer.start();
    cleanUp.push(() => server.remove());
    const node = await redisNode(server.url);
    cleanUp.push(() => node.close());
    const client = new Redis(server.url);
    cleanUp.push(() => client.disconnect());
    const messages: string[] = [];
    client.on('pmessage', (_pattern, channel: string, message: string) => {
      if (channel.includes('notifications:')) messages.push(message);
    });
    await client.psubscribe('*');
    return { node, messages, url: server.url };
  }

  it.each([1, 100])(
    'is announced by one more message, and one without a trace carries nothing (history %i)',
    async (size) => {
      const { node, messages, url } = await start();
      const topic = newTopic(size);
      await node.bus.publish([{ topic, payload: { a: 1 } }]);
      await node.bus.publish([{ topic, payload: { a: 2 }, trace, key: 'two' }]);
      await expect.poll(() => messages.length, WAIT).toBe(3);
      const [first, announced, second] = messages.map((message) => message.split(' '));
      const epoch = first![0];
      expect(first).toEqual([epoch, '1', '{"a":1}']);
      expect(announced).toEqual([epoch, '0', `["${TRACEPARENT}",2]`]);
      expect(second).toEqual([epoch, '2', '{"a":2}']);
      const reader = new Redis(url);
      cleanUp.push(() => reader.disconnect());
      const history = await node.bus.history(topic, { limit: 100 });
      expect(history.events.at(-1)).toMatchObject({ offset: 2, payload: { a: 2 }, trace: null });
      for (const key of await reader.keys('*:meta'))
        expect(JSON.stringify(await reader.hgetall(key))).not.toContain('4bf92f');
    },
  );

  it('is delivered once by a node of an earlier version, which does not know announcements', async () => {
    const { node, messages } = await start();
    const topic = newTopic();
    await node.bus.publish([1, 2, 3].map((payload) => ({ topic, payload, trace })));
    await expect.poll(() => messages.length, WAIT).toBe(6);
    // How it handles a message.
    const sink = new RecordingSink();
    const live = new LiveTopic(topic, {
      mayDeliver: () => true,
      read: () => Promise.reject(new Error('Nothing is missed.')),
      received: () => {},
      filled: () => {},
      gap: () => {},
      epochChanged: () => {},
      emptied: () => {},
    });
    const subscriber = new TopicSubscriber(live, sink);
    const epoch = messages[0]!.split(' ')[0]!;
    // One announcement arrives before the subscriber has joined.
    live.receive(eventOf(messages[0]!)!);
    live.join(subscriber, { position: { epoch, offset: 0 }, recovered: undefined, events: [] });
    for (const message of messages.slice(1)) if (live.accepts()) live.receive(eventOf(message)!);
    expect(sink.payloads).toEqual([1, 2, 3]);
  });

  it.each(['[]', '{}', '"x"', `["${TRACEPARENT}"]`, `["${TRACEPARENT}","1"]`, '["00-x",1]', `["${TRACEPARENT}",7]`])(
    'is delivered without its trace after an announcement of another form: %s',
    async (announcement) => {
      const { node, url } = await start();
      const topic = newTopic();
      const sink = new TracesSink();
      await node.bus.subscribe(topic, sink);
      const other = new Redis(url);
      cleanUp.push(() => other.disconnect());
      const [channel] = (await other.pubsub('CHANNELS', 'sallyport:{notifications:*')) as string[];
      await other.publish(channel!, `${sink.start!.split('.')[0]} 0 ${announcement}`);
      await node.bus.publish([{ topic, payload: 'event' }]);
      await expect.poll(() => sink.payloads, WAIT).toEqual(['event']);
      expect(sink.traces).toEqual([null]);
    },
  );
});

needs('postgres')('a traced event on PostgreSQL', () => {
  it('has its trace in the log, where nodes of an earlier version read it without', async () => {
    const database = await createDatabase();
    cleanUp.push(() => database.drop());
    const node = await postgresNode(database.url);
    cleanUp.push(() => node.close());
    const [topic, other] = [newTopic(), newTopic(1)];
    await node.bus.publish([{ topic, payload: 1 }]);
    await node.bus.publish([
      { topic, payload: 2, trace, key: 'two' },
      { topic: other, payload: 3 },
      { topic, payload: 2, trace, key: 'two' },
      { topic, payload: 4, trace },
    ]);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const log = async (reader: string) =>
      (await client.query({ text: `select * from sallyport.${reader}(0, 100, 100000)`, rowMode: 'array' }))
        .rows as unknown[][];
    const now = await log('read_traced_log');
    expect(now.map(([, , , , payload, found]) => [payload, found])).toEqual([
      ['1', null],
      ['2', TRACEPARENT],
      ['3', null],
      ['4', TRACEPARENT],
    ]);
    const earlier = await log('read_log');
    expect(earlier).toEqual(now.map((row) => row.slice(0, 5)));
    await client.end();
    const { events } = await node.bus.history(topic, { limit: 100 });
    expect(events.map(({ payload }) => payload)).toEqual([1, 2, 4]);
  });

  it('counts as a publish in the metrics of the store', async () => {
    const database = await createDatabase();
    cleanUp.push(() => database.drop());
    const node = await postgresNode(database.url);
    cleanUp.push(() => node.close());
    const took = vi.spyOn(node.connection.health, 'took');
    await node.bus.publish([{ topic: newTopic(), payload: 1, trace }]);
    const operations = took.mock.calls.map(([operation]) => operation);
    expect(operations).toContain('publish');
    expect(operations).not.toContain('other');
  });

  it('is prepared for by an upgrade that makes nobody wait for a long transaction', async () => {
    const database = await createDatabase();
    cleanUp.push(() => database.drop());
    await (await postgresNode(database.url)).close();
    const [long, short] = [new pg.Client(database.url), new pg.Client(database.url)];
    await Promise.all([long.connect(), short.connect()]);
    await long.query(`
      drop function sallyport.append_traced, sallyport.read_traced_log, sallyport.outbox_traces;
      alter table sallyport.event drop column trace;
      alter table sallyport.outbox drop column trace;
      delete from sallyport.migration where name = 'traces'`);
    const publish = "select sallyport.publish('notifications', 'user:1', '{}'::jsonb)";
    await long.query('begin');
    await long.query(publish);
    let isOpen = false;
    const upgraded = postgresNode(database.url).then((node) => {
      isOpen = true;
      return node;
    });
    const waits = `select 1 from pg_stat_activity where wait_event_type in ('Lock', 'Timeout') and query like '%append_traced%'`;
    await expect.poll(async () => (await short.query(waits)).rowCount, WAIT).toBe(1);
    // Each waits for one try at the most; all of them would wait for the long transaction.
    for (let time = 0; time < 20; time++) await short.query(publish);
    expect(isOpen).toBe(false);
    await long.query('commit');
    const node = await upgraded;
    cleanUp.push(() => node.close());
    const { rows } = await short.query('select trace from sallyport.outbox');
    expect(rows).toEqual(Array.from({ length: 21 }, () => ({ trace: null })));
    await Promise.all([long.end(), short.end()]);
  });
});
