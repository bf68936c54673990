import { Injectable } from '@nestjs/common';

/** Something with texts to write at the end of this turn of the loop. */
export interface Flushable {
  flush(): void;
}

/**
 * The one list of connections that have something to write. Frames of one turn are joined:
 * every connection on the list writes once, when the code that is publishing has returned.
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

  /** Flushes this connection before the loop turns. Called once per connection and turn. */
  add(connection: Flushable): void {
    if (this.#waiting.push(connection) === 1) queueMicrotask(this.#flushAll);
  }
}
