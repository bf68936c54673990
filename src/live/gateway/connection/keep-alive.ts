/** Milliseconds between two pings to one peer. A peer that sends nothing from one ping to the next is terminated. */
const INTERVAL_MS = 12_000;
/** How many groups the pings are split into, so that no event waits behind thousands of pings. */
const GROUPS = 120;

/** What is pinged. */
export interface KeptAlive {
  /** Whether the peer has sent anything since the last call. */
  resetActivity(): boolean;
  /** Sends a WebSocket ping. */
  ping(): void;
  /** Ends without a handshake. */
  terminate(): void;
}

/** Pings every connection once an interval, a 120th of them at a time, from one timer. */
export class KeepAlive {
  readonly #groups = Array.from({ length: GROUPS }, () => new Set<KeptAlive>());
  readonly #groupOf = new Map<KeptAlive, Set<KeptAlive>>();
  readonly #timer = setInterval(() => this.#pingNextGroup(), INTERVAL_MS / GROUPS).unref();
  #nextToPing = 0;
  #nextToFill = 0;

  add(connection: KeptAlive): void {
    const group = this.#groups[this.#nextToFill++ % GROUPS]!;
    group.add(connection);
    this.#groupOf.set(connection, group);
  }

  remove(connection: KeptAlive): void {
    this.#groupOf.get(connection)?.delete(connection);
    this.#groupOf.delete(connection);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const group of this.#groups) group.clear();
    this.#groupOf.clear();
  }

  #pingNextGroup(): void {
    for (const connection of this.#groups[this.#nextToPing++ % GROUPS]!) {
      if (connection.resetActivity()) connection.ping();
      else connection.terminate();
    }
  }
}
