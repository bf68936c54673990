import { Injectable } from '@nestjs/common';

/** Something with frames to write at the end of this turn of the event loop. */
export interface Flushable {
  flush(): void;
}

/**
 * The list of connections that have something to write. The frames of one turn are joined: every connection on the list
 * writes once, after the publishing code has returned.
 */
@Injectable()
export class WriteBatcher {
  /** Frames written since the start. */
  frames = 0;
  #waiting: Flushable[] = [];
  readonly #flushAll = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) connection.flush();
  };

  /** Flushes this connection at the end of the turn. Called once per connection and turn. */
  add(connection: Flushable): void {
    if (this.#waiting.push(connection) === 1) queueMicrotask(this.#flushAll);
  }
}
