import type { Logger } from 'pino';
import type { DeliveryGate } from '../../topics/delivery-gate.js';
import type { TopicMetrics } from '../../topics/topic.metrics.js';
import { MemoryGuessCounter } from '../memory/guess-counter.memory.js';
import { MemoryIntervalLease } from '../memory/interval-lease.memory.js';
import { MemoryPresence } from '../memory/presence.memory.js';
import { MemoryRateLimiters } from '../memory/rate-limiters.memory.js';
import { MemoryRevocationStore } from '../memory/revocation.store.memory.js';
import { MemorySessionRevocations } from '../memory/session-revocations.memory.js';
import { MemoryTokenReplayStore } from '../memory/token-replay.store.memory.js';
import type { NodeConnection, StoreEngine } from '../store-engine.js';
import type { StoreMetrics } from '../store-health.js';
import { EventLog } from './event-log.js';
import { openPostgresStore, type PostgresPlace } from './open-postgres.js';
import { PostgresConnection } from './postgres.connection.js';
import { PostgresTopicBus } from './topic.bus.postgres.js';

/** Everything in PostgreSQL, in the schema `sallyport`: a pool for queries, and one connection that reads the log. */
export class PostgresEngine implements StoreEngine {
  readonly connection: NodeConnection;

  private constructor(
    private readonly postgres: PostgresConnection,
    private readonly log: EventLog,
  ) {
    this.connection = connectionOf(postgres, log);
  }

  /**
   * Opens the connections and migrates the schema.
   *
   * @throws StartError when PostgreSQL is unavailable, or refuses the credentials or the migration
   */
  static async open(place: PostgresPlace, stores: StoreMetrics, logger: Logger): Promise<PostgresEngine> {
    const link = await openPostgresStore(place, logger);
    const postgres = new PostgresConnection(link, stores.watch('postgres', 'PostgreSQL', link.address));
    await postgres.open();
    return new PostgresEngine(postgres, await EventLog.open(postgres));
  }

  topicBus(gate: DeliveryGate, metrics: TopicMetrics): PostgresTopicBus {
    return new PostgresTopicBus(this.postgres, this.log, gate, metrics);
  }

  sessionRevocations(): MemorySessionRevocations {
    return new MemorySessionRevocations();
  }

  revocationStore(): MemoryRevocationStore {
    return new MemoryRevocationStore();
  }

  presence(): MemoryPresence {
    return new MemoryPresence();
  }

  intervalLease(): MemoryIntervalLease {
    return new MemoryIntervalLease();
  }

  tokenReplayStore(): MemoryTokenReplayStore {
    return new MemoryTokenReplayStore();
  }

  rateLimiters(): MemoryRateLimiters {
    return new MemoryRateLimiters();
  }

  guessCounter(): MemoryGuessCounter {
    return new MemoryGuessCounter();
  }

  async close(): Promise<void> {
    await this.log.close();
    await this.postgres.close();
  }
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
