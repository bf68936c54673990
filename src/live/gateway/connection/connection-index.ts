import type { Connection } from './connection.js';

/** Connections by a key. Most keys have one connection, which needs no array. */
export class ConnectionIndex<K> {
  readonly #byKey = new Map<K, Connection | Connection[]>();

  keys(): Iterable<K> {
    return this.#byKey.keys();
  }

  /** The connections of a key, in the order in which they were added. */
  of(key: K): readonly Connection[] {
    const found = this.#byKey.get(key);
    if (found === undefined) return [];
    return Array.isArray(found) ? found : [found];
  }

  count(key: K): number {
    const found = this.#byKey.get(key);
    if (found === undefined) return 0;
    return Array.isArray(found) ? found.length : 1;
  }

  add(key: K, connection: Connection): void {
    const found = this.#byKey.get(key);
    if (found === undefined) this.#byKey.set(key, connection);
    else if (Array.isArray(found)) found.push(connection);
    else this.#byKey.set(key, [found, connection]);
  }

  /** Removes a connection. Does nothing if it is not there. */
  remove(key: K, connection: Connection): void {
    const found = this.#byKey.get(key);
    if (found === connection) this.#byKey.delete(key);
    if (!Array.isArray(found)) return;
    const at = found.indexOf(connection);
    if (at !== -1) found.splice(at, 1);
    if (found.length === 0) this.#byKey.delete(key);
  }

  /** Removes all connections of a key. */
  delete(key: K): void {
    this.#byKey.delete(key);
  }
}
