import { randomBytes } from 'node:crypto';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { parseCursor } from './cursor.js';
import type { DeliveryGate } from './delivery-gate.js';
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
import type { Topic, TopicDefinition } from './topic.js';
import type { ViewerId } from '../viewer/viewer.js';

const SWEEP_EVERY_MS = 30_000;
/** Idempotency keys that one topic remembers. More of them within 5 minutes push the oldest out. */
const MAX_KEYS = 10_000;

interface UsedKey {
  readonly digest: string;
  readonly cursor: string;
  readonly expiresAtMs: number;
}

const RUN = randomBytes(9).toString('base64url');
let epochs = 0;

/** Random for this process, then counted: as good as random for each topic, and drawn once. */
function nextEpoch(): string {
  return RUN + (epochs++).toString(36);
}

/** One topic on this node: its offsets, history, keys and subscribers. */
class MemoryTopic {
  readonly epoch = nextEpoch();
  readonly history: TopicHistory;
  readonly sinks = new Set<TopicSink>();
  offset = 0;
  /** Made with the first key: most topics never see one. */
  #keys: Map<string, UsedKey> | null = null;

  #keptUntilMs = 0;

  constructor(private readonly definition: TopicDefinition) {
    this.history = new TopicHistory(definition, this.epoch);
  }

  usedKey(key: string, nowMs: number): UsedKey | null {
    const used = this.#keys?.get(key);
    return used && used.expiresAtMs > nowMs ? used : null;
  }

  useKey(key: string, used: UsedKey): void {
    this.#keys ??= new Map();
    const [oldest] = this.#keys.size >= MAX_KEYS ? this.#keys.keys() : [];
    if (oldest !== undefined) this.#keys.delete(oldest);
    this.#keys.set(key, used);
  }

  /** A subscriber leaves: it may come back with a cursor of this epoch, for as long as events would be kept. */
  dismiss(sink: TopicSink): void {
    this.sinks.delete(sink);
    this.#keptUntilMs = performance.now() + this.definition.historySeconds * 1000;
  }

  isIdle(nowMs: number): boolean {
    for (const [key, used] of this.#keys ?? []) if (used.expiresAtMs <= nowMs) this.#keys?.delete(key);
    if (this.#keys?.size === 0) this.#keys = null;
    return this.sinks.size === 0 && this.#keys === null && this.#keptUntilMs <= nowMs && this.history.isEmpty(nowMs);
  }
}

/** The bus of a single process: the default without `REDIS_URL`. History and cursors end with the process. */
export class MemoryTopicBus extends TopicBus implements BeforeApplicationShutdown {
  /** By feed, then by owner: both keys exist already, a topic's whole name would have to be made and hashed. */
  readonly #topics = new Map<string, Map<ViewerId, MemoryTopic>>();
  readonly #sweeper = setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();

  constructor(private readonly gate: DeliveryGate) {
    super();
  }

  override async publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    if (!this.gate.isOpen) await this.gate.opened();
    const nowMs = performance.now();
    return publications.map((publication) => this.#publishOne(publication, nowMs));
  }

  override async subscribe(topic: Topic, sink: TopicSink, options: SubscribeOptions = {}): Promise<TopicSubscription> {
    if (!this.gate.isOpen) await this.gate.opened();
    const state = this.#topic(topic);
    const first = this.#firstEvents(topic, state, options.resume);
    options.confirmed?.(first.recovered, { epoch: state.epoch, offset: state.offset });
    for (const event of first.events) sink.event(event);
    state.sinks.add(sink);
    return { recovered: first.recovered, end: () => state.dismiss(sink) };
  }

  override async forget({ definition, owner }: Topic): Promise<void> {
    this.#topics.get(definition.name)?.delete(owner);
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.#sweeper);
    this.#topics.clear();
  }

  #publishOne({ topic, payload, key, submitted }: Publication, nowMs: number): PublishOutcome {
    const state = this.#topic(topic);
    const digest = key === undefined ? '' : payloadDigest(submitted ?? payload);
    const used = key === undefined ? null : state.usedKey(key, nowMs);
    if (used) {
      return used.digest === digest
        ? { ok: true, cursor: used.cursor, duplicate: true }
        : { ok: false, reason: 'key-reused' };
    }
    const event = new TopicEvent(state.epoch, ++state.offset, payload);
    state.history.append(event, nowMs);
    if (key !== undefined)
      state.useKey(key, { digest, cursor: event.cursor, expiresAtMs: nowMs + IDEMPOTENCY_WINDOW_MS });
    for (const sink of state.sinks) sink.event(event);
    return { ok: true, cursor: event.cursor, duplicate: false };
  }

  #firstEvents(
    topic: Topic,
    state: MemoryTopic,
    resume: unknown,
  ): { recovered: boolean | undefined; events: readonly TopicEvent[] } {
    const nowMs = performance.now();
    const { onSubscribe } = topic.definition;
    const last = onSubscribe === 'last-event' ? state.history.last(nowMs) : undefined;
    const lastOnly = last ? [last] : [];
    if (resume === undefined)
      return { recovered: undefined, events: onSubscribe === 'history' ? state.history.all(nowMs) : lastOnly };
    const position = parseCursor(resume);
    const missed = position && state.history.since(position, { epoch: state.epoch, offset: state.offset }, nowMs);
    return missed ? { recovered: true, events: missed } : { recovered: false, events: lastOnly };
  }

  #topic({ definition, owner }: Topic): MemoryTopic {
    let owners = this.#topics.get(definition.name);
    if (!owners) this.#topics.set(definition.name, (owners = new Map<ViewerId, MemoryTopic>()));
    let state = owners.get(owner);
    if (!state) owners.set(owner, (state = new MemoryTopic(definition)));
    return state;
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const owners of this.#topics.values()) {
      for (const [owner, state] of owners) if (state.isIdle(nowMs)) owners.delete(owner);
    }
  }
}
