import { randomBytes } from 'node:crypto';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { SILENCE_MS } from './open-redis.js';
import type { TopicStorage } from '../topic.bus.shared.js';
import type { RedisConnection } from './redis.connection.js';
import { formatCursor, parseCursor } from '../../topics/cursor.js';
import { payloadDigest } from '../../topics/payload.js';
import { TopicEvent } from '../../topics/topic-event.js';
import { formatTraceparent } from '../../tracing/trace-context.js';
import type { ReadOptions, TopicPlace, TopicReading } from '../../topics/topic-reading.js';
import type { HistoryPage, HistoryRange, Publication, PublishOutcome } from '../../topics/topic.bus.js';
import { historyMs, type Topic, type TopicDefinition } from '../../topics/topic.js';
import { channelSuffix, keyHash, topicKeys, topicTag } from './topic-keys.js';
import { TOPIC_SCRIPTS, type TopicScripts } from './topic-scripts.js';

/** Publications per run of the script, which blocks Redis for about 10 ms. */
const PUBLISH_BATCH = 1_000;
/**
 * A batch that reaches Redis later than this, in milliseconds, is not published: its publisher may already have been
 * told that it failed.
 */
const DEADLINE_MS = SILENCE_MS - 250;
/** The script's outcomes, by the first character of a line. */
const PUBLISHED = { new: '0', duplicate: '1', keyReused: '2' } as const;

/** Topics in Redis: positions, histories and idempotency keys. Every change is one script, so it is atomic. */
export class RedisTopicStorage implements TopicStorage<TopicReading> {
  readonly #scripts: TopicScripts;

  constructor(private readonly redis: RedisConnection) {
    this.#scripts = TOPIC_SCRIPTS[redis.isCluster ? 'cluster' : 'alone'];
  }

  /** The channel that {@link publish} sends a topic's events to. */
  channel(topic: Topic): string {
    return topicTag(topic) + channelSuffix(this.redis.database);
  }

  /** Publishes in batches of 1,000, each all or nothing; on a cluster, per topic. */
  async publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    if (this.redis.isCluster) return this.#publishByTopic(publications);
    const outcomes: PublishOutcome[] = [];
    for (let at = 0; at < publications.length; at += PUBLISH_BATCH)
      outcomes.push(...(await this.#publishBatch(publications.slice(at, at + PUBLISH_BATCH))));
    return outcomes;
  }

  async read(topic: Topic, options: ReadOptions): Promise<TopicReading> {
    const { meta, stream } = topicKeys(topic);
    const { historySize } = topic.definition;
    const { epoch = options.since === undefined ? '' : '-', offset = 0 } = options.since ?? {};
    const values = [newEpoch(), historySize, historyMs(topic.definition), epoch, offset, options.otherwise];
    return toReading(await this.redis.runScript(this.#scripts.read, [meta, stream], values));
  }

  async history(topic: Topic, { after, limit }: HistoryRange): Promise<HistoryPage> {
    const since = after === undefined ? undefined : parseCursor(after);
    if (since === null) return { events: [], recovered: false };
    const { meta, stream } = topicKeys(topic);
    const { epoch, offset } = since ?? { epoch: '', offset: 0 };
    const values = [topic.definition.historySize, historyMs(topic.definition), limit, epoch, offset];
    return toPage(await this.redis.runScript(this.#scripts.history, [meta, stream], values));
  }

  /** Redis's clock, in ms since the epoch. */
  get nowMs(): number {
    return this.redis.nowMs;
  }

  /** When an event was published, by Redis's clock; null if it is no longer in the history. */
  async publishedAtMs(topic: Topic, offset: number): Promise<number | null> {
    const { meta, stream } = topicKeys(topic);
    if (topic.definition.historySize === 1) {
      const [newest, at] = await this.redis.run((client) => client.hmget(meta, 'offset', 't'));
      return Number(newest) === offset && at ? Number(at) : null;
    }
    const id = `${offset}-0`;
    const [entry] = await this.redis.run((client) => client.xrange(stream, id, id));
    return entry?.[1][1] ? Number(entry[1][1]) : null;
  }

  /** Removes a topic's position and history. Idempotency keys are hashed, and expire by themselves. */
  async forget(topic: Topic): Promise<void> {
    const { meta, stream } = topicKeys(topic);
    await this.redis.run((client) => client.del(meta, stream));
  }

  /**
   * Which of these topics differ from the store's position. On a cluster also those whose shard is unavailable: its
   * failure does not hide what the others have.
   */
  async differing<T extends TopicPlace>(places: readonly T[]): Promise<readonly T[]> {
    if (!this.redis.isCluster) return this.#differing(places);
    const answers = await Promise.allSettled(places.map((place) => this.#differing([place])));
    const failure = answers.find((answer) => answer.status === 'rejected');
    if (failure && answers.every(({ status }) => status === 'rejected')) throw failure.reason;
    return answers.flatMap((answer, index) => (answer.status === 'fulfilled' ? answer.value : [places[index]!]));
  }

  async #differing<T extends TopicPlace>(places: readonly T[]): Promise<readonly T[]> {
    const keys = places.flatMap(({ topic }) => {
      const { meta, stream } = topicKeys(topic);
      return [meta, stream];
    });
    const positions = places.flatMap(({ position }) => [position.epoch, position.offset]);
    const results = (await this.redis.runScript(this.#scripts.compare, keys, [newEpoch(), ...positions])) as number[];
    return places.filter((_, index) => results[index] !== 0);
  }

  async #publishByTopic(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    const places = new Map<string, number[]>();
    publications.forEach(({ topic: { name } }, place) => {
      const known = places.get(name);
      if (known) known.push(place);
      else places.set(name, [place]);
    });
    const outcomes: PublishOutcome[] = [];
    const publishTopic = async (ofTopic: readonly number[]): Promise<void> => {
      const results = await this.#publishBatch(ofTopic.map((place) => publications[place]!));
      ofTopic.forEach((place, index) => (outcomes[place] = results[index]!));
    };
    const topics = [...places.values()];
    const settled = await Promise.allSettled(topics.map(publishTopic));
    const failures = settled.flatMap((one, index) =>
      one.status === 'rejected' ? [{ error: one.reason as unknown, places: topics[index]! }] : [],
    );
    const fault = failures.find(({ error }) => !(error instanceof UnavailableError));
    if (fault) throw fault.error;
    // An unavailable shard does not undo what the others have published.
    if (failures.length > 0 && failures.length === topics.length) throw failures[0]!.error;
    for (const failure of failures)
      for (const place of failure.places) outcomes[place] = { ok: false, reason: 'unavailable' };
    return outcomes;
  }

  async #publishBatch(batch: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    const startedAtMs = performance.now();
    const keys = batch.map(({ topic }) => topicTag(topic));
    const [first] = batch;
    if (this.redis.isCluster && first) keys.push(topicKeys(first.topic).meta);
    const [definitions, events] = pack(batch);
    const verb = this.redis.link.shardedPubSub ? 'SPUBLISH' : 'PUBLISH';
    const head = [newEpoch(), verb, channelSuffix(this.redis.database), definitions];
    const send = async (): Promise<string> => {
      const values = [Math.round(this.redis.nowMs + DEADLINE_MS), ...head, ...events];
      return (await this.redis.runScript(this.#scripts.publish, keys, values)) as string;
    };
    let results = await send();
    if (results === 'late' && performance.now() - startedAtMs < DEADLINE_MS) {
      // In time by our clock, so Redis's clock was changed. Nothing was published, so it may be sent again.
      await this.redis.readClock();
      results = await send();
    }
    if (results === 'late') throw new UnavailableError();
    return results.split('\n').map(toOutcome);
  }
}

/** Random, 12 characters: the prefix of new epochs. Scripts that create several append a number. */
function newEpoch(): string {
  return randomBytes(9).toString('base64url');
}

function toOutcome(line: string): PublishOutcome {
  const published = line[0];
  if (published === PUBLISHED.keyReused) return { ok: false, reason: 'key-reused' };
  const space = line.indexOf(' ');
  const cursor = formatCursor({ epoch: line.slice(1, space), offset: Number(line.slice(space + 1)) });
  return { ok: true, cursor, duplicate: published === PUBLISHED.duplicate };
}

/** The script's arguments for a batch: its definitions, and one string per publication. */
function pack(batch: readonly Publication[]): [definitions: string, events: string[]] {
  const indexes = new Map<TopicDefinition, number>();
  const events = batch.map(({ topic, payload, key, publisher, submitted, trace }) => {
    let index = indexes.get(topic.definition);
    if (index === undefined) indexes.set(topic.definition, (index = indexes.size));
    const json = JSON.stringify(payload) ?? 'null';
    const head = trace === undefined ? index : `${index}~${formatTraceparent(trace)}`;
    return key === undefined
      ? `${head} ${json}`
      : `${head}:${keyHash(key, publisher)}${payloadDigest(submitted ?? payload)}${json}`;
  });
  const definitions = [...indexes.keys()].map((each) => `${each.historySize} ${historyMs(each)}`).join(',');
  return [definitions, events];
}

function toPage(answer: unknown): HistoryPage {
  const [epoch, first, recovered, payloads] = answer as [string, number, number, string[]];
  const events = payloads.map((payload, index) => new TopicEvent(epoch, first + index, JSON.parse(payload)));
  return { events, recovered: recovered === 1 };
}

/**
 * The event in a message of a topic's channel: `<epoch> <offset> <payload>`. Null if it has another form: everyone who
 * can write to Redis can send one.
 */
export function eventOf(message: string): TopicEvent | null {
  const afterEpoch = message.indexOf(' ');
  const afterOffset = message.indexOf(' ', afterEpoch + 1);
  const offset = Number(message.slice(afterEpoch + 1, afterOffset));
  if (!Number.isSafeInteger(offset)) return null;
  try {
    const payload: unknown = JSON.parse(message.slice(afterOffset + 1));
    return new TopicEvent(message.slice(0, afterEpoch), offset, payload);
  } catch {
    return null;
  }
}

function toReading(answer: unknown): TopicReading {
  const [epoch, offset, recovered, payloads] = answer as [string, number, number, string[]];
  const first = offset - payloads.length + 1;
  return {
    position: { epoch, offset },
    recovered: recovered === -1 ? undefined : recovered === 1,
    events: payloads.map((payload, index) => new TopicEvent(epoch, first + index, JSON.parse(payload))),
  };
}
