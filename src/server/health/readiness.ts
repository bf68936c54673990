import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { within } from '../../live/deadline.js';
import { Database } from '../../identity/database/database.js';
import { type StoreState, SharedStoreHealth } from '../../live/store/store-health.js';

/** A database that does not answer within this time counts as unavailable, in ms. */
const DATABASE_TIMEOUT_MS = 2_000;

/** The result of one check. */
type CheckResult = 'ok' | 'unavailable' | 'draining' | 'not configured';

/** Whether clients may be sent to this node, and the result of each check. */
export interface ReadinessReport {
  readonly ready: boolean;
  readonly checks: Readonly<Record<'node' | 'database' | 'redis', CheckResult>> & {
    /** Only where PostgreSQL is the store: its connections are other ones than those of the database. */
    readonly store?: CheckResult;
  };
}

/** Checks whether this node can serve clients: every store answers, and the node is not draining. */
@Injectable()
export class Readiness implements OnModuleDestroy {
  #leaving = false;
  #pending: Promise<boolean> | null = null;

  constructor(
    private readonly database: Database,
    private readonly store: SharedStoreHealth,
  ) {}

  /** The first step of a shutdown: load balancers use other nodes while sockets are drained. */
  onModuleDestroy(): void {
    this.#leaving = true;
  }

  /** Runs every check. Takes at most two seconds; concurrent calls share one database query. */
  async report(): Promise<ReadinessReport> {
    const checks = {
      node: this.#leaving ? 'draining' : 'ok',
      database: (await this.#databaseAnswers()) ? 'ok' : 'unavailable',
      ...(this.store.name === 'postgres' && { store: shown(this.store.state) }),
      redis: this.store.name === 'redis' ? shown(this.store.state) : 'not configured',
    } as const;
    return { ready: Object.values(checks).every((result) => result === 'ok' || result === 'not configured'), checks };
  }

  async #databaseAnswers(): Promise<boolean> {
    const pending = (this.#pending ??= this.database.answers().finally(() => (this.#pending = null)));
    return within(DATABASE_TIMEOUT_MS, pending, false);
  }
}

/** A store that refuses writes is unavailable too. */
function shown(state: StoreState | null): CheckResult {
  return state === 'ok' ? 'ok' : 'unavailable';
}
