import { randomBytes } from 'node:crypto';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { parseCursor, type Position } from '../../topics/cursor.js';
import type { DeliveryGate } from '../../topics/delivery-gate.js';
import { type BoundedHistory, HistoryBudget } from './history-budget.js';
import { IdempotencyKeys, MAX_KEYS, type UsedKey } from './idempotency-keys.js';
import { TopicEvent } from '../../topics/topic-event.js';
import { EventTrace } from '../../tracing/event-trace.js';
import { SubscriberSet } from '../../topics/subscriber-set.js';
import { TopicHistory } from './topic-history.js';
import {
  type HistoryPage,
  type HistoryRange,
  type Publication,
  type PublishOutcome,
  TopicBus,
  type TopicSink,
  type TopicSubscription,
} from '../../topics/topic.bus.js';
import { measurePayload, payloadDigest } from '../../topics/payload.js';
import type { TopicMetrics } from '../../topics/topic.metrics.js';
import type { Topic } from '../../topics/topic.js';
import type { ViewerId } from '../../viewer/viewer.js';

const SWEEP_EVERY_MS = 30_000;
/** The publisher of the server's own feeds. */
const THIS_SERVER = '';

/** The memory limits of the bus. */
export interface MemoryBounds {
  /** All histories together, in bytes. */
  readonly historyBytes: number;
  /** Idempotency keys, per publisher and in total. */
  readonly keys: { readonly ofPublisher: number; readonly together: number };
}

/** 128 MiB of history. */
const DEFAULT_BOUNDS: MemoryBounds = { historyBytes: 128 * 1024 * 1024, keys: MAX_KEYS };

const RUN = randomBytes(9).toString('base64url');
let epochs = 0;

/** A random prefix for this process plus a counter: as good as a random value per topic, but generated once. */
function nextEpoch(): string {
  return RUN + (epochs++).toString(36);
}

/** One topic on this node: its offsets, history and subscribers. */
class MemoryTopic {
  readonly epoch = nextEpoch();
  readonly history: TopicHistory;
  offset = 0;
  #keptUntilMs = 0;
  readonly #subscribers = new SubscriberSet<TopicSink>();

  constructor(topic: Topic, budget: HistoryBudget) {
    this.history = new TopicHistory(topic, this.epoch, budget);
  }

  /** All events after a position; null if they are not all available, or if the cursor was invalid. */
  since(position: Position | null, nowMs: number): readonly TopicEvent[] | null {
    return position && this.history.since(position, this, nowMs);
  }

  /** Adds a subscriber, which gets every event from now on. */
  add(sink: TopicSink): void {
    this.#subscribers.add(sink);
  }

  /** Passes an event to every subscriber. */
  deliver(event: TopicEvent): void {
    event.trace?.begin(this.history.topic.definition.name);
    this.#subscribers.each((sink) => sink.event(event));
    event.trace?.release();
  }

  /** Ends every subscription: the topic is forgotten. */
  end(): void {
    this.#subscribers.each((sink) => {
      this.#subscribers.delete(sink);
      sink.ended();
    });
  }

  /** A subscriber left: it may return with a cursor of this epoch for as long as events are kept. */
  remove(sink: TopicSink): void {
    this.#subscribers.delete(sink);
    this.#keptUntilMs = performance.now() + this.history.topic.definition.historySeconds * 1000;
  }

  isIdle(nowMs: number): boolean {
    // First, since it drops expired events.
    const isEmpty = this.history.isEmpty(nowMs);
    return isEmpty && this.#subscribers.isEmpty && this.#keptUntilMs <= nowMs;
  }
}

/** A subscriber's place at a topic. A class, because one closure for each subscription takes three times the memory. */
class MemorySubscription implements TopicSubscription {
  constructor(
    private readonly topic: MemoryTopic,
    private readonly sink: TopicSink,
  ) {}

  end(): void {
    this.topic.remove(this.sink);
  }
}

/** The bus of a single process: the default without a shared store. History and cursors end with the process. */
export class MemoryTopicBus extends TopicBus implements BeforeApplicationShutdown {
  /** By feed, then by owner: both keys already exist, while a topic's full name would have to be built and hashed. */
  readonly #topics = new Map<string, Map<ViewerId, MemoryTopic>>();
  readonly #sweeper = setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();
  readonly #budget: HistoryBudget;
  readonly #keys: IdempotencyKeys;

  constructor(
    private readonly gate: DeliveryGate,
    private readonly metrics: TopicMetrics | null = null,
    bounds: MemoryBounds = DEFAULT_BOUNDS,
  ) {
    super();
    this.#budget = new HistoryBudget(bounds.historyBytes, (history, events) => this.#dropped(history, events));
    this.#keys = new IdempotencyKeys(() => metrics?.keyDropped(), bounds.keys);
    metrics?.watchHistory(() => this.#budget.bytes);
  }

  override async publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    if (!this.gate.isOpen) await this.gate.opened();
    const nowMs = performance.now();
    return publications.map((publication) => this.#publishOne(publication, nowMs));
  }

  override async subscribe(topic: Topic, sink: TopicSink, resume?: unknown): Promise<TopicSubscription> {
    if (!this.gate.isOpen) await this.gate.opened();
    const state = this.#topic(topic);
    const first = this.#firstEvents(topic, state, resume);
    sink.confirmed(first.recovered, { epoch: state.epoch, offset: state.offset });
    for (const event of first.events) sink.event(event);
    state.add(sink);
    return new MemorySubscription(state, sink);
  }

  override async history({ definition, owner }: Topic, { after, limit }: HistoryRange): Promise<HistoryPage> {
    const state = this.#topics.get(definition.name)?.get(owner);
    const nowMs = performance.now();
    if (after === undefined) return { events: state?.history.all(nowMs).slice(0, limit) ?? [], recovered: true };
    const missed = state?.since(parseCursor(after), nowMs);
    return missed ? { events: missed.slice(0, limit), recovered: true } : { events: [], recovered: false };
  }

  override async forget({ definition, owner }: Topic): Promise<void> {
    const owners = this.#topics.get(definition.name);
    const state = owners?.get(owner);
    state?.history.cutTo(0);
    owners?.delete(owner);
    state?.end();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.#sweeper);
    this.#topics.clear();
  }

  #publishOne(publication: Publication, nowMs: number): PublishOutcome {
    const { topic, payload, key } = publication;
    return key === undefined
      ? { ok: true, cursor: this.#deliver(publication, nowMs).cursor, duplicate: false }
      : this.#publishOnce(
          publication,
          IdempotencyKeys.hash(topic, key),
          payloadDigest(publication.submitted ?? payload),
          nowMs,
        );
  }

  #publishOnce(publication: Publication, hash: string, digest: string, nowMs: number): PublishOutcome {
    const { publisher = THIS_SERVER } = publication;
    const used = this.#keys.find(publisher, hash, nowMs);
    if (used && used.digest !== digest) return { ok: false, reason: 'key-reused' };
    if (used && !this.#hasLost(publication.topic, used, nowMs))
      return { ok: true, cursor: used.cursor, duplicate: true };
    const { cursor } = this.#deliver(publication, nowMs);
    this.#keys.add(publisher, hash, { digest, cursor, usedAtMs: nowMs });
    return { ok: true, cursor, duplicate: false };
  }

  /** Whether an event is gone before its time: its topic was forgotten, or its history was dropped to make room. */
  #hasLost({ definition, owner }: Topic, { cursor, usedAtMs }: UsedKey, nowMs: number): boolean {
    const state = this.#topics.get(definition.name)?.get(owner);
    const isKept = state?.epoch === parseCursor(cursor)?.epoch;
    return !isKept && nowMs - usedAtMs < definition.historySeconds * 1000;
  }

  #deliver({ topic, payload, publisher = THIS_SERVER, bytes, trace }: Publication, nowMs: number): TopicEvent {
    const state = this.#topic(topic);
    const event = new TopicEvent(state.epoch, ++state.offset, payload, trace ? new EventTrace(trace) : null);
    state.history.append(event, publisher, bytes ?? measurePayload(payload).memoryBytes, nowMs);
    state.deliver(event);
    this.#budget.makeRoom();
    return event;
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
    const missed = state.since(parseCursor(resume), nowMs);
    return missed ? { recovered: true, events: missed } : { recovered: false, events: lastOnly };
  }

  #topic(topic: Topic): MemoryTopic {
    const { definition, owner } = topic;
    let owners = this.#topics.get(definition.name);
    if (!owners) this.#topics.set(definition.name, (owners = new Map<ViewerId, MemoryTopic>()));
    let state = owners.get(owner);
    if (!state) owners.set(owner, (state = new MemoryTopic(topic, this.#budget)));
    return state;
  }

  /** A topic that has lost its history is not kept only for its position, since that would be unbounded. */
  #dropped({ topic }: BoundedHistory, events: number): void {
    this.metrics?.historyDropped(events);
    const owners = this.#topics.get(topic.definition.name);
    if (owners?.get(topic.owner)?.isIdle(performance.now())) owners.delete(topic.owner);
  }

  #sweep(): void {
    const nowMs = performance.now();
    this.#keys.sweep(nowMs);
    for (const owners of this.#topics.values()) {
      for (const [owner, state] of owners) if (state.isIdle(nowMs)) owners.delete(owner);
    }
  }
}
