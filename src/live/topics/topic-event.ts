import type { EventTrace } from '../tracing/event-trace.js';
import { formatCursor } from './cursor.js';

/**
 * One event of a topic for its subscribers. All local subscribers get the same object, so its cursor is encoded only
 * once.
 */
export class TopicEvent {
  #cursor: string | undefined;

  constructor(
    readonly epoch: string,
    readonly offset: number,
    /** The published JSON value. Shared: do not modify it. */
    readonly payload: unknown,
    /** Null unless it is live and its trace is sampled. Set by the bus, before the event is delivered. */
    public trace: EventTrace | null = null,
  ) {}

  /** The cursor that a client keeps after this event. */
  get cursor(): string {
    return (this.#cursor ??= formatCursor(this));
  }
}
