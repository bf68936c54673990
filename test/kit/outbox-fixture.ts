import { randomUUID } from 'node:crypto';
import { type Logger, pino } from 'pino';
import { Registry } from 'prom-client';
import { defineFeed } from '../../src/live/feeds/feed.js';
import { FeedRegistry } from '../../src/live/feeds/feed.registry.js';
import { EventChecker } from '../../src/live/publish/event-checker.js';
import { Outbox } from '../../src/live/publish/outbox/outbox.js';
import { OutboxMetrics } from '../../src/live/publish/outbox/outbox.metrics.js';
import { OutboxPublisher } from '../../src/live/publish/outbox/outbox-publisher.js';
import { OutboxRelay } from '../../src/live/publish/outbox/outbox.relay.js';
import { StoreMetrics } from '../../src/live/store/store-health.js';
import type { TopicBus } from '../../src/live/topics/topic.bus.js';
import { type Topic, topicOf } from '../../src/live/topics/topic.js';
import type { ViewerId } from '../../src/live/viewer/viewer.js';
import { createDatabase, type TestDatabase } from './postgres-database.js';
import { type PostgresNode, postgresNode } from './postgres-node.js';

/** A text feed with a history long enough that a slow test loses no events. */
const Steps = defineFeed<string>({
  name: 'steps',
  field: 'steps',
  type: String,
  history: { events: 10_000, seconds: 600 },
  onSubscribe: 'nothing',
  slowReader: 'close',
});

/** Wrappers that make a relay fail, and where it logs. */
export interface RelayFaults {
  /** Wraps the outbox of each connection. */
  readonly outbox?: (outbox: Outbox) => Outbox;
  /** Wraps the bus. */
  readonly bus?: (bus: TopicBus) => TopicBus;
  readonly logger?: Logger;
}

/** A database with an outbox, one subscribed node, and any number of relays. */
export class OutboxFixture {
  readonly topics: readonly Topic[];
  /** The received events, per topic. */
  readonly arrived = new Map<string, string[]>();
  readonly #relays: OutboxRelay[] = [];
  #wake = (): void => {};

  private constructor(
    readonly database: TestDatabase,
    readonly node: PostgresNode,
    /** The bus to which the relays publish. */
    readonly bus: TopicBus,
    viewers: readonly ViewerId[],
  ) {
    this.topics = viewers.map((viewer) => topicOf(Steps.topic, viewer));
  }

  /**
   * Opens the database and subscribes to this many topics.
   *
   * @param other a bus without a database; default: the bus on PostgreSQL
   * @param server the URL of a PostgreSQL server; default: the one for tests
   */
  static async open(topics: number, other?: TopicBus, server?: string): Promise<OutboxFixture> {
    const database = await createDatabase(server);
    const node = await postgresNode(database.url);
    const viewers = Array.from({ length: topics }, (): ViewerId => `user:${randomUUID()}`);
    const fixture = new OutboxFixture(database, node, other ?? node.bus, viewers);
    for (const topic of fixture.topics) await fixture.#subscribe(topic);
    return fixture;
  }

  /** Starts another relay. */
  startRelay({
    outbox = (one) => one,
    bus = (one) => one,
    logger = pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' }),
  }: RelayFaults = {}): OutboxRelay {
    const registry = new Registry();
    const feeds = new FeedRegistry();
    feeds.register(Steps);
    const target = {
      checker: new EventChecker(feeds, () => null, logger),
      bus: bus(this.bus),
      removesRows: this.bus === this.node.bus,
    };
    const relay = new OutboxRelay({
      open: async (notified) => outbox(await Outbox.connect({ url: this.database.url }, notified)),
      publisher: new OutboxPublisher(target),
      metrics: new OutboxMetrics(registry),
      health: new StoreMetrics(registry, logger).watch('outbox', 'The outbox', 'test'),
      logger,
    });
    this.#relays.push(relay);
    relay.start();
    return relay;
  }

  /** The number of received events. */
  get count(): number {
    let count = 0;
    for (const events of this.arrived.values()) count += events.length;
    return count;
  }

  /** Waits until this many events have arrived. Fails when none arrives for a minute. */
  async until(count: number): Promise<void> {
    while (this.count < count) {
      const before = this.count;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 60_000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (this.count === before) throw new Error(`Only ${before} of ${count} events have arrived.`);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#relays.map((relay) => relay.stop()));
    await this.node.close();
    await this.database.drop();
  }

  async #subscribe(topic: Topic): Promise<void> {
    const events: string[] = [];
    this.arrived.set(topic.owner, events);
    await this.bus.subscribe(topic, {
      confirmed: () => {},
      ended: () => {
        throw new Error('The subscription has ended.');
      },
      event: ({ payload }) => {
        events.push(payload as string);
        this.#wake();
      },
    });
  }
}
