import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { within } from '../../live/deadline.js';
import { Database } from '../../identity/database/database.js';
import { type StoreState, SharedStoreHealth } from '../../live/store/store-health.js';

/** A database that has not answered after so long counts as away, in ms. */
const DATABASE_PATIENCE_MS = 2_000;

/** What one check found. */
type CheckResult = 'ok' | 'unavailable' | 'draining' | 'not configured';

/** Whether people may be sent to this node, and what each check found. */
export interface ReadinessReport {
  readonly ready: boolean;
  readonly checks: Readonly<Record<'node' | 'database' | 'redis', CheckResult>>;
}

/** Answers whether this node can take people: every store answers, and the node is not on its way out. */
@Injectable()
export class Readiness implements OnModuleDestroy {
  #leaving = false;
  #asking: Promise<boolean> | null = null;

  constructor(
    private readonly database: Database,
    private readonly redis: SharedStoreHealth,
  ) {}

  /** The first step of a shutdown: load balancers look elsewhere while sockets are still being drained. */
  onModuleDestroy(): void {
    this.#leaving = true;
  }

  /** Asks every check. Takes two seconds at the most, and asks the database once however many ask at the same time. */
  async report(): Promise<ReadinessReport> {
    const checks = {
      node: this.#leaving ? 'draining' : 'ok',
      database: (await this.#databaseAnswers()) ? 'ok' : 'unavailable',
      redis: shown(this.redis.state),
    } as const;
    return { ready: Object.values(checks).every((result) => result === 'ok' || result === 'not configured'), checks };
  }

  async #databaseAnswers(): Promise<boolean> {
    const asking = (this.#asking ??= this.database.answers().finally(() => (this.#asking = null)));
    return within(DATABASE_PATIENCE_MS, asking, false);
  }
}

function shown(state: StoreState | null): CheckResult {
  if (state === null) return 'not configured';
  return state === 'ok' ? 'ok' : 'unavailable';
}
