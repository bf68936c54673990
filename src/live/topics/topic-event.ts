import { formatCursor } from './cursor.js';

/**
 * One event of a topic on its way to subscribers. The same object reaches every local subscriber,
 * so the cursor that one of them writes serves the others.
 */
export class TopicEvent {
  #cursor: string | undefined;

  constructor(
    readonly epoch: string,
    readonly offset: number,
    /** The published JSON value. Shared: do not modify it. */
    readonly payload: unknown,
  ) {}

  /** The cursor that a client keeps after this event. */
  get cursor(): string {
    return (this.#cursor ??= formatCursor(this));
  }
}
