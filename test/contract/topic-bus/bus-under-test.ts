import { randomUUID } from 'node:crypto';
import type { TopicBus, TopicSubscription } from '../../../src/live/topics/topic.bus.js';
import { type Topic, type TopicDefinition, topicOf } from '../../../src/live/topics/topic.js';
import { RecordingSink } from '../../kit/recording-sink.js';

/** One implementation under test. */
export interface BusHarness {
  readonly bus: TopicBus;
  /** The bus of another node; the same one where there is only one node. */
  readonly elsewhere: TopicBus;
  /** A bus whose store has lost the topic, as after a flush or a restart without data. */
  forget(topic: Topic): Promise<TopicBus>;
  close(): Promise<void>;
}

/** A feed of news: a history, nothing at the start. */
export const kept: TopicDefinition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 5,
  historySeconds: 300,
  onSubscribe: 'nothing',
  slowReader: 'close',
};

/** A feed of which only the newest value matters. */
export const latest: TopicDefinition = {
  ...kept,
  name: 'user_count',
  field: 'userCount',
  historySize: 1,
  onSubscribe: 'last-event',
  slowReader: 'keep-latest',
};

/** A feed whose new subscribers get what is still kept. */
export const fromHistory: TopicDefinition = { ...kept, onSubscribe: 'history' };

/** A topic of a viewer whom no other test knows. */
export function newTopic(definition: TopicDefinition = kept): Topic {
  return topicOf(definition, `user:${randomUUID()}`);
}

/** A subscription and what it got. */
export interface Subscribed {
  readonly sink: RecordingSink;
  readonly subscription: TopicSubscription;
}

/** The verbs of the contract, over whichever implementation is open. */
export class BusUnderTest {
  constructor(readonly harness: () => BusHarness) {}

  /** Publishes on the other node. */
  readonly publish = (topic: Topic, ...payloads: unknown[]): ReturnType<TopicBus['publish']> =>
    this.harness().elsewhere.publish(payloads.map((payload) => ({ topic, payload })));

  /** Publishes 1…count in one call; their cursors. */
  readonly publishNumbers = async (topic: Topic, count: number): Promise<string[]> => {
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    const outcomes = await this.publish(topic, ...numbers);
    return outcomes.map((outcome) => (outcome.ok ? outcome.cursor : ''));
  };

  /** Subscribes on this node. */
  readonly subscribe = async (topic: Topic, resume?: unknown, bus = this.harness().bus): Promise<Subscribed> => {
    const sink = new RecordingSink();
    const subscription = await bus.subscribe(topic, sink, resume);
    return { sink, subscription };
  };
}
