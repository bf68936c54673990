import { formatCursor, type Position } from '../../src/live/topics/cursor.js';
import type { TopicEvent } from '../../src/live/topics/topic-event.js';
import type { TopicSink } from '../../src/live/topics/topic.bus.js';
import { Inbox } from '../../src/testing/inbox.js';

/** A call that a subscription's sink received. */
export type Recorded =
  | { readonly kind: 'confirmed'; readonly recovered: boolean | undefined }
  | { readonly kind: 'event'; readonly payload: unknown; readonly offset: number; readonly cursor: string }
  | { readonly kind: 'ended' };

/** A sink that records everything and lets tests wait for it. */
export class RecordingSink implements TopicSink {
  readonly all: Recorded[] = [];
  readonly inbox = new Inbox<Recorded>();

  /** The position at which the subscription was confirmed. */
  start: string | null = null;

  /** Whether every missed event was sent; undefined if the subscription did not resume. */
  recovered: boolean | undefined;

  confirmed(recovered: boolean | undefined, position: Position): void {
    this.start = formatCursor(position);
    this.recovered = recovered;
    this.#put({ kind: 'confirmed', recovered });
  }

  event({ payload, offset, cursor }: TopicEvent): void {
    this.#put({ kind: 'event', payload, offset, cursor });
  }

  ended(): void {
    this.#put({ kind: 'ended' });
  }

  /** The payloads so far, in order. */
  get payloads(): readonly unknown[] {
    return this.all.flatMap((recorded) => (recorded.kind === 'event' ? [recorded.payload] : []));
  }

  /** The cursor of the last event so far. */
  get cursor(): string {
    const last = this.all.findLast((recorded) => recorded.kind === 'event');
    if (last?.kind !== 'event') throw new Error('No event has come yet.');
    return last.cursor;
  }

  /** Waits until this payload has arrived. */
  async until(payload: unknown): Promise<void> {
    if (this.payloads.includes(payload)) return;
    await this.inbox.take((recorded) => recorded.kind === 'event' && recorded.payload === payload, String(payload));
  }

  /** Waits until the bus has ended the subscription. */
  async untilEnded(): Promise<void> {
    await this.inbox.take((recorded) => recorded.kind === 'ended', 'the end');
  }

  #put(recorded: Recorded): void {
    this.all.push(recorded);
    this.inbox.put(recorded);
  }
}
