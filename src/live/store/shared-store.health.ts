import type { StoreHealth, StoreState } from './store-health.js';

/** The connection to a store that nodes share. */
export interface SharedStoreLink {
  /** Whether a command sent now has a chance. */
  readonly isAvailable: boolean;
  readonly health: StoreHealth;
}

/** Whether what nodes share can be reached: for `/readyz`, and for refusing new sockets with "try again later". */
export class SharedStoreHealth {
  /** @param link null where nothing is shared: this process is then the only node */
  constructor(private readonly link: SharedStoreLink | null) {}

  /** True while the store answers, and always where there is none to ask. Costs nothing: it looks at the connection's state. */
  isAvailable(): boolean {
    return this.link?.isAvailable ?? true;
  }

  /** What the store can do right now; null where there is none. One that is full or read-only is noticed within 5 seconds. */
  get state(): StoreState | null {
    if (!this.link) return null;
    return this.link.isAvailable ? this.link.health.state : 'unavailable';
  }
}
