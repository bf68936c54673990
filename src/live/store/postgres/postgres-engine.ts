import type { Logger } from 'pino';
import type { DeliveryGate } from '../../topics/delivery-gate.js';
import type { TopicMetrics } from '../../topics/topic.metrics.js';
import type { NodeConnection, StoreEngine } from '../store-engine.js';
import { poolConnections } from '../store-connections.js';
import type { StoreMetrics } from '../store-health.js';
import { EventLog } from './event-log.js';
import { PostgresGuessCounter } from './guess-counter.postgres.js';
import { PostgresIntervalLease } from './interval-lease.postgres.js';
import { openPostgresStore, type PostgresPlace, startErrorOf } from './open-postgres.js';
import { PostgresConnection } from './postgres.connection.js';
import { PostgresPresence } from './presence.postgres.js';
import { PostgresRateLimiters } from './rate-limiters.postgres.js';
import { PostgresRevocationStore } from './revocation.store.postgres.js';
import { PostgresSessionRevocations } from './session-revocations.postgres.js';
import { StoreSweeper } from './store-sweeper.js';
import { PostgresTokenReplayStore } from './token-replay.store.postgres.js';
import { PostgresTopicBus } from './topic.bus.postgres.js';

/** Everything in PostgreSQL, in the schema `sallyport`: a pool for queries, and one connection that reads the log. */
export class PostgresEngine implements StoreEngine {
  readonly connection: NodeConnection;
  readonly #sweeper: StoreSweeper;

  private constructor(
    private readonly postgres: PostgresConnection,
    private readonly log: EventLog,
  ) {
    this.connection = connectionOf(postgres, log);
    this.#sweeper = new StoreSweeper(postgres);
  }

  /**
   * Opens the connections and migrates the schema.
   *
   * @throws StartError when PostgreSQL is unavailable, or refuses the credentials, the migration or a function
   */
  static async open(place: PostgresPlace, stores: StoreMetrics, logger: Logger): Promise<PostgresEngine> {
    const link = await openPostgresStore(place, logger);
    const postgres = new PostgresConnection(link, stores.watch('postgres', 'PostgreSQL', link.address));
    const log = await openLog(postgres).catch((error: unknown) => {
      throw startErrorOf(error, place);
    });
    postgres.health.showConnections(() => {
      const { open, ...pool } = poolConnections(link.pool);
      return { open: { ...open, log: log.isLost ? 0 : 1 }, ...pool };
    });
    return new PostgresEngine(postgres, log);
  }

  topicBus(gate: DeliveryGate, metrics: TopicMetrics): PostgresTopicBus {
    return new PostgresTopicBus(this.postgres, this.log, gate, metrics);
  }

  sessionRevocations(logger: Logger): PostgresSessionRevocations {
    return new PostgresSessionRevocations(this.postgres, this.log, logger);
  }

  revocationStore(): PostgresRevocationStore {
    return new PostgresRevocationStore(this.postgres);
  }

  presence(): PostgresPresence {
    return new PostgresPresence(this.postgres);
  }

  intervalLease(): PostgresIntervalLease {
    return new PostgresIntervalLease(this.postgres);
  }

  tokenReplayStore(): PostgresTokenReplayStore {
    return new PostgresTokenReplayStore(this.postgres);
  }

  rateLimiters(): PostgresRateLimiters {
    return new PostgresRateLimiters(this.postgres);
  }

  guessCounter(): PostgresGuessCounter {
    return new PostgresGuessCounter(this.postgres);
  }

  async close(): Promise<void> {
    await this.#sweeper.stop();
    await this.log.close();
    await this.postgres.close();
  }
}

async function openLog(postgres: PostgresConnection): Promise<EventLog> {
  await postgres.open();
  return EventLog.open(postgres);
}

/** No connection is admitted while the log cannot be read, since events could not be delivered. */
function connectionOf(postgres: PostgresConnection, log: EventLog): NodeConnection {
  return {
    name: 'postgres',
    health: postgres.health,
    get isAvailable() {
      return !log.isLost;
    },
    get nowMs() {
      return postgres.nowMs;
    },
    listen: (hooks) => log.listen(hooks),
  };
}
