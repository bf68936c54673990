import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { UnavailableError } from '../src/live/errors/sallyport.errors.js';
import { GENERATION_KEY, GENERATION_LENGTH } from '../src/live/store/redis/store-generation.js';
import { channelSuffix, topicKeys, topicTag } from '../src/live/store/redis/topic-keys.js';
import { TOPIC_SCRIPTS } from '../src/live/store/redis/topic-scripts.js';
import { type Topic, type TopicDefinition, topicOf } from '../src/live/topics/topic.js';
import { needs } from './kit/needs.js';
import { RecordingSink } from './kit/recording-sink.js';
import { type RedisNode, redisNode } from './kit/redis-node.js';
import { RedisServer } from './kit/redis-server.js';

const definition: TopicDefinition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 100,
  historySeconds: 300,
  onSubscribe: 'nothing',
  slowReader: 'close',
};
const newTopic = (more: Partial<TopicDefinition> = {}): Topic =>
  topicOf({ ...definition, ...more }, `user:${randomUUID()}`);

needs('redis')('the bus on a Redis that fails', () => {
  let server: RedisServer;
  let admin: Redis;
  let here: RedisNode;
  let there: RedisNode;

  beforeAll(async () => {
    server = await RedisServer.start();
    admin = server.client();
    [here, there] = [await redisNode(server.url), await redisNode(server.url)];
  });
  afterEach(async () => {
    server.thaw();
    await untilBack();
  });
  afterAll(async () => {
    for (const node of [here, there]) node.close();
    admin.disconnect();
    await server.remove();
  });

  const publish = (topic: Topic, ...payloads: unknown[]) =>
    there.bus.publish(payloads.map((payload) => ({ topic, payload })));
  const subscribe = async (topic: Topic, resume?: unknown) => {
    const sink = new RecordingSink();
    const subscription = await here.bus.subscribe(topic, sink, resume);
    return { sink, subscription };
  };
  /** Waits until both nodes have reconnected to Redis and resubscribed. */
  const untilBack = () =>
    vi.waitFor(
      async () => {
        const topic = newTopic();
        const { sink, subscription } = await subscribe(topic);
        await publish(topic, 'back');
        await vi.waitFor(() => expect(sink.payloads).toEqual(['back']), { timeout: 200 });
        subscription.end();
      },
      { timeout: 15_000, interval: 50 },
    );
  const killSubscribers = async () => {
    expect(await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBeGreaterThan(0);
  };
  /** Publishes like a node whose message Redis drops. */
  const publishUnheard = async (topic: Topic, payload: unknown) => {
    const { historySize, historySeconds } = topic.definition;
    const head = [Number.MAX_SAFE_INTEGER, 'unheard-of-12', 'PUBLISH', ':nobody-listens-here'];
    const values = [...head, `${historySize} ${historySeconds * 1000}`, `0 ${JSON.stringify(payload)}`];
    await there.connection.runScript(TOPIC_SCRIPTS.alone.publish, [topicTag(topic)], values);
  };

  describe('that works', () => {
    it('has one subscription per topic and node, and none after the last subscriber has left', async () => {
      const topic = newTopic();
      const channel = topicTag(topic) + channelSuffix(0);
      const heard = async () => Number((await admin.pubsub('NUMSUB', channel))[1]);
      const subscriptions = await Promise.all(Array.from({ length: 20 }, () => subscribe(topic)));
      await there.bus.subscribe(topic, new RecordingSink());
      expect(await heard()).toBe(2);
      for (const { subscription } of subscriptions) subscription.end();
      await vi.waitFor(async () => expect(await heard()).toBe(1));
    });

    it('subscribes and unsubscribes the topics of one turn of the event loop together', async () => {
      const calls = async (command: string) =>
        Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await admin.info('commandstats'))?.[1] ?? 0);
      const before = [await calls('subscribe'), await calls('unsubscribe')];
      const topics = Array.from({ length: 1_200 }, () => newTopic());
      const all = await Promise.all(topics.map((topic) => subscribe(topic)));
      for (const { subscription } of all) subscription.end();
      const heard = async () => Number((await admin.pubsub('NUMSUB', topicTag(topics[1_199]!) + channelSuffix(0)))[1]);
      await vi.waitFor(async () => expect(await heard()).toBe(0));
      const made = [await calls('subscribe'), await calls('unsubscribe')].map((after, index) => after - before[index]!);
      // Up to 500 channels in one command, and what other tests have left.
      for (const commands of made) expect(commands).toBeLessThanOrEqual(10);
    });

    it('keeps the order of subscribing and unsubscribing one channel in one turn of the event loop', async () => {
      const channel = `order:${randomUUID()}`;
      const heard: string[] = [];
      const listener = (name: string) => ({ receive: (message: string) => void heard.push(`${name} ${message}`) });
      const count = async () => Number((await admin.pubsub('NUMSUB', channel))[1]);
      // Ended before it is sent.
      const first = here.subscriber.subscribe(channel, listener('first'));
      here.subscriber.unsubscribe(channel);
      await first;
      expect(await count()).toBe(0);
      // Ended and subscribed again, first before and then after Redis has confirmed it.
      const second = here.subscriber.subscribe(channel, listener('second'));
      here.subscriber.unsubscribe(channel);
      await Promise.all([second, here.subscriber.subscribe(channel, listener('third'))]);
      expect(await admin.publish(channel, 'a')).toBe(1);
      await here.subscriber.fence();
      here.subscriber.unsubscribe(channel);
      await here.subscriber.subscribe(channel, listener('fourth'));
      expect(await admin.publish(channel, 'b')).toBe(1);
      await here.subscriber.fence();
      expect(heard).toEqual(['third a', 'fourth b']);
      // Ended, subscribed, and ended.
      here.subscriber.unsubscribe(channel);
      const fifth = here.subscriber.subscribe(channel, listener('fifth'));
      here.subscriber.unsubscribe(channel);
      await fifth;
      await vi.waitFor(async () => expect(await count()).toBe(0));
    });

    it('takes a thousand publications in at most three round trips', async () => {
      const monitor = await server.client().monitor();
      const commands: string[] = [];
      // Of its scripts only those with a key for each publication: heartbeats and comparisons run at any time.
      monitor.on('monitor', (_time: string, [command, , keys]: string[], source: string) => {
        if (source !== 'lua' && (command === 'echo' || keys === '1000')) commands.push(command ?? '');
      });
      const publications = Array.from({ length: 1_000 }, (_, payload) => ({ topic: newTopic(), payload }));
      await admin.script('FLUSH');
      await here.bus.publish(publications);
      await admin.echo('done');
      await vi.waitFor(() => expect(commands).toContain('echo'));
      monitor.disconnect();
      expect(commands).toEqual(['evalsha', 'eval', 'echo']);
    });

    it('ignores messages that are no events', async () => {
      const topic = newTopic();
      const { sink } = await subscribe(topic);
      await publish(topic, 1);
      await sink.until(1);
      const epoch = await admin.hget(topicKeys(topic).meta, 'epoch');
      for (const message of ['', '1', 'no JSON', `${epoch} 2 no JSON`, `${epoch} two {}`, `${epoch} 2`])
        await admin.publish(topicTag(topic) + channelSuffix(0), message);
      await publish(topic, 2);
      await sink.until(2);
      expect(sink.payloads).toEqual([1, 2]);
    });

    it('keeps all keys of a topic in one slot of a cluster', async () => {
      const topic = newTopic();
      const { meta, stream } = topicKeys(topic);
      const names = [meta, stream, topicTag(topic) + channelSuffix(0)];
      expect(new Set(names.map((name) => /\{(.+)\}/.exec(name)?.[1])).size).toBe(1);
    });
  });

  describe('that drops messages', () => {
    it('fills a gap from history, in order, without duplicates', async () => {
      const topic = newTopic();
      const { sink } = await subscribe(topic);
      await publish(topic, 1);
      await publishUnheard(topic, 2);
      await publishUnheard(topic, 3);
      await publish(topic, 4, 5);
      await sink.until(5);
      expect(sink.payloads).toEqual([1, 2, 3, 4, 5]);
    });

    it('measures how late events are: a sample of live ones, and of the oldest of gaps', async () => {
      const before = await here.lagsMeasured('filled');
      const topic = newTopic();
      await subscribe(topic);
      await vi.waitFor(async () => {
        await publishUnheard(topic, 1);
        await publish(topic, 2);
        expect(await here.lagsMeasured('filled')).toBeGreaterThan(before);
      }, 5_000);
      expect(await here.lagsMeasured('live')).toBeGreaterThan(0);
    });

    it('ends a subscription whose gap the history cannot fill', async () => {
      const topic = newTopic({ historySize: 2 });
      const { sink } = await subscribe(topic);
      await publish(topic, 1);
      await sink.until(1);
      for (const number of [2, 3, 4]) await publishUnheard(topic, number);
      await publish(topic, 5);
      await sink.untilEnded();
      expect(sink.payloads).toEqual([1]);
      const resumed = await subscribe(topic, sink.cursor);
      expect(resumed.sink.recovered).toBe(false);
    });

    it('detects within seconds that the last message of an idle topic was dropped', async () => {
      const topic = newTopic();
      const { sink } = await subscribe(topic);
      await publish(topic, 1);
      await publishUnheard(topic, 2);
      await sink.until(2);
      expect(sink.payloads).toEqual([1, 2]);
    });
  });

  describe('that cuts connections', () => {
    it('loses nothing that was published while the subscriber connection was lost', async () => {
      const topic = newTopic();
      const { sink } = await subscribe(topic);
      let number = 0;
      for (let round = 0; round < 3; round++) {
        await publish(topic, ++number, ++number);
        await killSubscribers();
        await publish(topic, ++number, ++number);
        await sink.until(number);
      }
      expect(sink.payloads).toEqual(Array.from({ length: number }, (_, index) => index + 1));
    });

    it('finds what an idle topic missed as soon as the connection is back, among many topics', async () => {
      const topics = Array.from({ length: 300 }, () => newTopic());
      const subscribed = await Promise.all(topics.map((topic) => subscribe(topic)));
      await killSubscribers();
      await there.bus.publish(topics.map((topic) => ({ topic, payload: 'meanwhile' })));
      const expected = topics.map(() => ['meanwhile']);
      await vi.waitFor(() => expect(subscribed.map(({ sink }) => sink.payloads)).toEqual(expected), { timeout: 4_000 });
      for (const { subscription } of subscribed) subscription.end();
    });

    it('ends a subscription that missed more than the history holds', async () => {
      const topic = newTopic({ historySize: 3 });
      const { sink } = await subscribe(topic);
      await publish(topic, 1);
      await sink.until(1);
      await killSubscribers();
      await publish(topic, 2, 3, 4, 5, 6);
      await sink.untilEnded();
      expect(sink.payloads).toEqual([1]);
    });
  });

  describe('that loses data', () => {
    it('ends the subscriptions of an emptied Redis: the busy one at its next event, the idle ones directly after it', async () => {
      const [busy, quiet] = [newTopic(), newTopic()];
      const [one, two] = [await subscribe(busy), await subscribe(quiet)];
      await publish(busy, 1);
      await publish(quiet, 1);
      await Promise.all([one.sink.until(1), two.sink.until(1)]);
      await admin.flushall();
      await publish(busy, 'in a new epoch');
      const publishedMs = performance.now();
      await Promise.all([one.sink.untilEnded(), two.sink.untilEnded()]);
      expect(performance.now() - publishedMs).toBeLessThan(8_000);
      expect(one.sink.payloads).toEqual([1]);
      expect((await subscribe(busy, one.sink.cursor)).sink.recovered).toBe(false);
    });

    it('gives a topic that was restored from an older copy a new epoch', async () => {
      const topic = newTopic();
      const { sink } = await subscribe(topic);
      await publish(topic, 1, 2, 3, 4);
      await sink.until(4);
      const { meta, stream } = topicKeys(topic);
      await admin.multi().hset(meta, 'offset', 2).xdel(stream, '3-0', '4-0').exec();
      await killSubscribers();
      await sink.untilEnded();
      // The loss may be found before the connection is back.
      await untilBack();
      // Offsets are used again: without the epoch, these events would count as already seen.
      await publish(topic, 'other 3', 'other 4', 5);
      expect((await subscribe(topic, sink.cursor)).sink.recovered).toBe(false);
    });

    it.each([
      ['a publication', async () => {}],
      ['a subscriber', async (topic: Topic) => (await subscribe(topic)).subscription.end()],
    ])('lets the history expire that %s starts in a new generation of the store', async (_, start) => {
      const topic = newTopic();
      const { stream } = topicKeys(topic);
      await publish(topic, 1);
      expect(await admin.pttl(stream)).toBeGreaterThan(0);
      await admin.hset(GENERATION_KEY, 'id', randomUUID().slice(0, GENERATION_LENGTH));
      await start(topic);
      await publish(topic, 2);
      expect(await admin.xlen(stream)).toBe(1);
      expect(await admin.pttl(stream)).toBeGreaterThan(0);
    });

    it('lets the new history of a topic expire that was behind its subscribers', async () => {
      const topic = newTopic();
      const { meta, stream } = topicKeys(topic);
      await publish(topic, 1);
      const epoch = (await admin.hget(meta, 'epoch')) ?? '';
      const values = ['newer-epoch1', epoch, 2];
      expect(await here.connection.runScript(TOPIC_SCRIPTS.alone.compare, [meta, stream], values)).toEqual([1]);
      await publish(topic, 2);
      expect(await admin.xlen(stream)).toBe(1);
      expect(await admin.pttl(stream)).toBeGreaterThan(0);
    });

    it('lets the history of a feed expire whose definition was changed', async () => {
      const owner = `user:${randomUUID()}` as const;
      const of = (more: Partial<TopicDefinition>): Topic => topicOf({ ...definition, ...more }, owner);
      await publish(of({ historySize: 1 }), 1);
      await publish(of({}), 2);
      const { stream } = topicKeys(of({}));
      expect(await admin.pttl(stream)).toBeGreaterThan(0);
      await publish(of({ historySeconds: 3_000 }), 3);
      expect(await admin.pttl(stream)).toBeGreaterThan(3_000_000);
    });

    it('takes no earlier event for the newest where the history of a feed is one event on some nodes only', async () => {
      const owner = `user:${randomUUID()}` as const;
      const of = (historySize: number): Topic => topicOf({ ...definition, historySize }, owner);
      const [first] = await publish(of(1), 1);
      await publish(of(20), 2);
      const sink = new RecordingSink();
      await here.bus.subscribe(of(1), sink, first?.ok && first.cursor);
      expect(sink.recovered).toBe(false);
      expect(sink.payloads).toEqual([]);
      expect(await here.bus.history(of(1), { limit: 10 })).toEqual({ events: [], recovered: true });
    });

    it('continues without loss after a restart with its data', async () => {
      const topic = newTopic();
      const { sink } = await subscribe(topic);
      await publish(topic, 1);
      await server.stop();
      await expect(publish(topic, 'lost')).rejects.toThrow(UnavailableError);
      await expect(subscribe(newTopic())).rejects.toThrow(UnavailableError);
      await server.start();
      await vi.waitFor(() => publish(topic, 2), { timeout: 5_000 });
      await sink.until(2);
      expect(sink.payloads).toEqual([1, 2]);
    });
  });

  describe('that is killed in the middle of publishing', () => {
    it('has all of a batch of a thousand or none of it', async () => {
      const batches = Array.from({ length: 12 }, () => Array.from({ length: 1_000 }, () => newTopic()));
      const publishing = batches.map((topics) => there.bus.publish(topics.map((topic) => ({ topic, payload: 1 }))));
      await publishing[0];
      const answers = Promise.allSettled(publishing);
      await server.stop('SIGKILL');
      await server.start();
      const statuses = (await answers).map(({ status }) => status);
      for (const [index, topics] of batches.entries()) {
        const there = await Promise.all(topics.map((topic) => admin.exists(topicKeys(topic).meta)));
        const count = there.reduce((sum, one) => sum + one, 0);
        expect([0, topics.length]).toContain(count);
        if (statuses[index] === 'fulfilled') expect(count).toBe(topics.length);
      }
      expect(statuses).toContain('rejected');
    });
  });

  describe('that hangs', () => {
    it('fails within three seconds, and publishes none of it when it recovers', async () => {
      const topic = newTopic();
      const { sink } = await subscribe(topic);
      await publish(topic, 1);
      await sink.until(1);
      server.freeze();
      const startedMs = performance.now();
      await expect(publish(topic, 'too late')).rejects.toThrow(UnavailableError);
      expect(performance.now() - startedMs).toBeLessThan(6_000);
      server.thaw();
      await vi.waitFor(() => publish(topic, 2), { timeout: 10_000 });
      await sink.until(2);
      expect(sink.payloads).toEqual([1, 2]);
    });

    it('refuses later events at once', async () => {
      server.freeze();
      await expect(publish(newTopic(), 1)).rejects.toThrow(UnavailableError);
      const startedMs = performance.now();
      await expect(publish(newTopic(), 1)).rejects.toThrow(UnavailableError);
      expect(performance.now() - startedMs).toBeLessThan(1_000);
      expect(there.connection.isAvailable).toBe(false);
    });
  });
});
