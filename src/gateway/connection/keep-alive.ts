import type { Connection } from './connection.js';

/** Seconds between two pings to one peer. One that stays silent from ping to ping is gone. */
const INTERVAL_SECONDS = 12;

/** Pings every connection once an interval, a twelfth of them each second, from one timer. */
export class KeepAlive {
  readonly #groups = Array.from({ length: INTERVAL_SECONDS }, () => new Set<Connection>());
  readonly #groupOf = new WeakMap<Connection, Set<Connection>>();
  readonly #timer = setInterval(() => this.#pingNextGroup(), 1000).unref();
  #turn = 0;
  #next = 0;

  add(connection: Connection): void {
    const group = this.#groups[this.#next++ % INTERVAL_SECONDS]!;
    group.add(connection);
    this.#groupOf.set(connection, group);
  }

  remove(connection: Connection): void {
    this.#groupOf.get(connection)?.delete(connection);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const group of this.#groups) group.clear();
  }

  #pingNextGroup(): void {
    for (const connection of this.#groups[this.#turn++ % INTERVAL_SECONDS]!) {
      if (connection.heard) {
        connection.heard = false;
        connection.ping();
      } else {
        connection.terminate();
      }
    }
  }
}
