import { randomUUID } from 'node:crypto';
import type { TopicBus, TopicSubscription } from '../../../src/live/topics/topic.bus.js';
import { type Topic, type TopicDefinition, topicOf } from '../../../src/live/topics/topic.js';
import { RecordingSink } from '../../kit/recording-sink.js';

/** One implementation under test. */
export interface BusHarness {
  readonly bus: TopicBus;
  /** Another node's bus, or the same bus where there is only one node. */
  readonly elsewhere: TopicBus;
  /** Returns a bus whose store has lost the topic, as after a flush or a restart without data. */
  forget(topic: Topic): Promise<TopicBus>;
  close(): Promise<void>;
}

/** A feed with a history and no initial event. */
export const kept: TopicDefinition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 5,
  historySeconds: 300,
  onSubscribe: 'nothing',
  slowReader: 'close',
};

/** A feed that keeps only its newest value. */
export const latest: TopicDefinition = {
  ...kept,
  name: 'user_count',
  field: 'userCount',
  historySize: 1,
  onSubscribe: 'last-event',
  slowReader: 'keep-latest',
};

/** A feed that sends its history to new subscribers. */
export const fromHistory: TopicDefinition = { ...kept, onSubscribe: 'history' };

/** Returns a topic of a viewer that no other test uses. */
export function newTopic(definition: TopicDefinition = kept): Topic {
  return topicOf(definition, `user:${randomUUID()}`);
}

/** A subscription and the sink that records it. */
export interface Subscribed {
  readonly sink: RecordingSink;
  readonly subscription: TopicSubscription;
}

/** Publishes and subscribes on the implementation under test. */
export class BusUnderTest {
  constructor(readonly harness: () => BusHarness) {}

  /** Publishes on the other node. */
  readonly publish = (topic: Topic, ...payloads: unknown[]): ReturnType<TopicBus['publish']> =>
    this.harness().elsewhere.publish(payloads.map((payload) => ({ topic, payload })));

  /** Publishes the numbers 1 to `count` in one call and returns their cursors. */
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
