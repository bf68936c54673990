import type { StoreState } from '../store-health.js';
import type { RedisConnection } from './redis.connection.js';

/** Whether what is shared between nodes can be reached: for `/readyz`, and for refusing new sockets with "try again later". */
export class RedisHealth {
  constructor(private readonly connection: RedisConnection | null) {}

  /** True with a Redis that answers, and always where there is none to ask. Costs nothing: it looks at the connection's state. */
  isAvailable(): boolean {
    return this.connection?.isAvailable ?? true;
  }

  /** What Redis can do right now; null where there is none. A Redis that is full or read-only is noticed within 5 seconds. */
  get state(): StoreState | null {
    if (!this.connection) return null;
    return this.connection.isAvailable ? this.connection.health.state : 'unavailable';
  }
}
