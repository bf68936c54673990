import { randomBytes } from 'node:crypto';
import type { OnModuleDestroy } from '@nestjs/common';
import { parseCursor } from './cursor.js';
import { TopicEvent } from './topic-event.js';
import { TopicHistory } from './topic-history.js';
import {
  IDEMPOTENCY_WINDOW_MS,
  type Publication,
  type PublishOutcome,
  type SubscribeOptions,
  TopicBus,
  type TopicSink,
  type TopicSubscription,
} from './topic.bus.js';
import { payloadDigest } from './payload-digest.js';
import type { Topic } from './topic.js';

const SWEEP_EVERY_MS = 30_000;

interface UsedKey {
  readonly digest: string;
  readonly cursor: string;
  readonly expiresAtMs: number;
}

/** One topic on this node: its offsets, history, keys and subscribers. */
class MemoryTopic {
  readonly epoch = randomBytes(9).toString('base64url');
  readonly history: TopicHistory;
  readonly sinks = new Set<TopicSink>();
  readonly keys = new Map<string, UsedKey>();
  offset = 0;

  constructor(topic: Topic) {
    this.history = new TopicHistory(topic.definition);
  }

  isIdle(nowMs: number): boolean {
    for (const [key, used] of this.keys) if (used.expiresAtMs <= nowMs) this.keys.delete(key);
    return this.sinks.size === 0 && this.keys.size === 0 && this.history.isEmpty(nowMs);
  }
}

/** The bus of a single process: the default without `REDIS_URL`. History and cursors end with the process. */
export class MemoryTopicBus extends TopicBus implements OnModuleDestroy {
  readonly #topics = new Map<string, MemoryTopic>();
  readonly #sweeper = setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();

  override async publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    return publications.map((publication) => this.#publishOne(publication));
  }

  override async subscribe(topic: Topic, sink: TopicSink, options: SubscribeOptions = {}): Promise<TopicSubscription> {
    const state = this.#topic(topic);
    const first = this.#firstEvents(topic, state, options.resume);
    options.confirmed?.(first.recovered);
    for (const event of first.events) sink.event(event);
    state.sinks.add(sink);
    return { recovered: first.recovered, end: () => void state.sinks.delete(sink) };
  }

  onModuleDestroy(): void {
    clearInterval(this.#sweeper);
    this.#topics.clear();
  }

  #publishOne({ topic, payload, key, submitted }: Publication): PublishOutcome {
    const state = this.#topic(topic);
    const nowMs = Date.now();
    const digest = key === undefined ? '' : payloadDigest(submitted ?? payload);
    if (key !== undefined) {
      const used = state.keys.get(key);
      if (used && used.expiresAtMs > nowMs) {
        return used.digest === digest
          ? { ok: true, cursor: used.cursor, duplicate: true }
          : { ok: false, reason: 'key-reused' };
      }
    }
    const event = new TopicEvent(state.epoch, ++state.offset, payload);
    state.history.append(event, nowMs);
    if (key !== undefined)
      state.keys.set(key, { digest, cursor: event.cursor, expiresAtMs: nowMs + IDEMPOTENCY_WINDOW_MS });
    for (const sink of state.sinks) sink.event(event);
    return { ok: true, cursor: event.cursor, duplicate: false };
  }

  #firstEvents(
    topic: Topic,
    state: MemoryTopic,
    resume: unknown,
  ): { recovered: boolean | undefined; events: readonly TopicEvent[] } {
    const nowMs = Date.now();
    const last = topic.definition.onSubscribe === 'last-event' ? state.history.last(nowMs) : undefined;
    const snapshot = last ? [last] : [];
    if (resume === undefined) return { recovered: undefined, events: snapshot };
    const position = parseCursor(resume);
    const missed = position && state.history.since(position, { epoch: state.epoch, offset: state.offset }, nowMs);
    return missed ? { recovered: true, events: missed } : { recovered: false, events: snapshot };
  }

  #topic(topic: Topic): MemoryTopic {
    let state = this.#topics.get(topic.name);
    if (!state) this.#topics.set(topic.name, (state = new MemoryTopic(topic)));
    return state;
  }

  #sweep(): void {
    const nowMs = Date.now();
    for (const [name, state] of this.#topics) if (state.isIdle(nowMs)) this.#topics.delete(name);
  }
}
