import type { DeliveryGate } from '../../topics/delivery-gate.js';
import { TopicEvent } from '../../topics/topic-event.js';
import type { Publication, PublishOutcome } from '../../topics/topic.bus.js';
import type { TopicMetrics } from '../../topics/topic.metrics.js';
import { EventTrace } from '../../tracing/event-trace.js';
import { inStoreSpan } from '../../tracing/store-span.js';
import { parseSampled } from '../../tracing/trace-context.js';
import { SharedTopicBus } from '../topic.bus.shared.js';
import type { EventLog, LogEntry } from './event-log.js';
import type { PostgresConnection } from './postgres.connection.js';
import { PublishQueue } from './publish-queue.js';
import { PostgresTopicStorage, type StoredReading } from './topic.storage.postgres.js';

const STORE_CALL = { system: 'postgresql', operation: 'SELECT', name: 'SELECT sallyport.append' } as const;

/**
 * The bus of many nodes on one PostgreSQL. Each node reads the log of all topics and passes on the events of those that
 * have subscribers here.
 */
export class PostgresTopicBus extends SharedTopicBus<StoredReading> {
  readonly #queue: PublishQueue;
  readonly #leaveLog: () => void;

  constructor(
    postgres: PostgresConnection,
    private readonly log: EventLog,
    gate: DeliveryGate,
    metrics: TopicMetrics,
  ) {
    const store = new PostgresTopicStorage(postgres);
    super(store, gate, metrics);
    this.#queue = new PublishQueue((batch) => inStoreSpan(STORE_CALL, batch, () => store.publish(batch)));
    this.#leaveLog = log.follow((entry) => this.#receive(entry));
  }

  override publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    return this.#queue.publish(publications);
  }

  override beforeApplicationShutdown(): void {
    super.beforeApplicationShutdown();
    this.#leaveLog();
  }

  /** Nothing to do: a topic is registered by reading it, and the log has the events of all topics. */
  protected override async listen(): Promise<void> {}

  protected override ignore(): void {}

  protected override caughtUpWith(reading: StoredReading): Promise<void> {
    return this.log.reached(reading.logHead);
  }

  #receive({ name, epoch, offset, payload, trace }: LogEntry): void {
    const live = this.find(name);
    if (!live?.accepts()) return;
    const context = trace === null ? null : parseSampled(trace);
    live.receive(new TopicEvent(epoch, offset, JSON.parse(payload), context && new EventTrace(context)));
  }
}
