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
  ) {}

  /** The cursor that a client keeps after this event. */
  get cursor(): string {
    return (this.#cursor ??= formatCursor(this));
  }
}
