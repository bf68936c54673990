import {
  type InjectionToken,
  Inject,
  Module,
  type OnApplicationShutdown,
  type Provider,
  type FactoryProvider,
} from '@nestjs/common';
import type { Logger } from 'pino';
import { LIMITS_CONFIG, type LimitsConfig, STORE_CONFIG, type StoreConfig } from '../live.config.js';
import { IntervalLease } from '../leases/interval-lease.js';
import { StartError } from '../errors/sallyport.errors.js';
import { LOGGER } from '../logging/logger.js';
import { Presence } from '../presence/presence.js';
import { GuessCounter } from '../rate-limit/guess-counter.js';
import { RateLimiters } from '../rate-limit/rate-limiters.js';
import { RevocationStore } from '../sessions/revocation.store.js';
import { SessionRevocations } from '../sessions/session-revocations.js';
import { TokenReplayStore } from '../tokens/token-replay.store.js';
import { DeliveryGate } from '../topics/delivery-gate.js';
import { TopicBus } from '../topics/topic.bus.js';
import { TopicMetrics } from '../topics/topic.metrics.js';
import { TracedTopicBus } from '../topics/traced-topic.bus.js';
import { MemoryEngine } from './memory/memory-engine.js';
import { STORE_ENGINE, type StoreEngine } from './store-engine.js';
import { SharedStoreHealth, StoreMetrics } from './store-health.js';
import { StoreHealthModule } from './store-health.module.js';

/** The only place that chooses between engines. A client library is loaded only where its store is used. */
const ENGINE: Provider = {
  provide: STORE_ENGINE,
  useFactory: async (
    store: StoreConfig,
    { maxHistoryBytes }: LimitsConfig,
    stores: StoreMetrics,
    logger: Logger,
  ): Promise<StoreEngine> => {
    if (store.kind === 'memory') return new MemoryEngine(maxHistoryBytes);
    if (store.kind === 'redis') {
      const { RedisEngine } = await import('./redis/redis-engine.js');
      return RedisEngine.open(store.url, stores, logger, store.settings);
    }
    const { PostgresEngine } = await import('./postgres/postgres-engine.js').catch(withoutPg);
    return PostgresEngine.open(store, stores, logger);
  },
  inject: [STORE_CONFIG, LIMITS_CONFIG, StoreMetrics, LOGGER],
};

/** Applications install pg themselves, if they use this store. */
function withoutPg(error: unknown): never {
  const isMissing = error instanceof Error && /Cannot find (?:package|module) 'pg'/.test(error.message);
  if (!isMissing) throw error;
  throw new StartError("The store 'postgres' needs the package pg. Run: npm install pg", { cause: error });
}

function port<T>(provide: InjectionToken<T>, of: (engine: StoreEngine) => T): FactoryProvider<T> {
  return { provide, useFactory: of, inject: [STORE_ENGINE] };
}

/** All ports that an engine implements. */
const PORTS: readonly FactoryProvider[] = [
  {
    provide: TopicBus,
    useFactory: (engine: StoreEngine, gate: DeliveryGate, metrics: TopicMetrics) =>
      new TracedTopicBus(engine.topicBus(gate, metrics)),
    inject: [STORE_ENGINE, DeliveryGate, TopicMetrics],
  },
  {
    provide: SessionRevocations,
    useFactory: (engine: StoreEngine, logger: Logger) => engine.sessionRevocations(logger),
    inject: [STORE_ENGINE, LOGGER],
  },
  {
    provide: DeliveryGate,
    useFactory: ({ connection }: StoreEngine, logger: Logger) => new DeliveryGate(connection, logger),
    inject: [STORE_ENGINE, LOGGER],
  },
  port(RevocationStore, (engine) => engine.revocationStore()),
  port(Presence, (engine) => engine.presence()),
  port(IntervalLease, (engine) => engine.intervalLease()),
  port(TokenReplayStore, (engine) => engine.tokenReplayStore()),
  port(RateLimiters, (engine) => engine.rateLimiters()),
  port(GuessCounter, (engine) => engine.guessCounter()),
  port(SharedStoreHealth, ({ connection }) => new SharedStoreHealth(connection)),
];

/** The state that nodes share, behind ports: topics, revocations, presence, leases, used tokens, rate limits. */
@Module({
  imports: [StoreHealthModule],
  providers: [TopicMetrics, ENGINE, ...PORTS],
  exports: [STORE_ENGINE, ...PORTS.map(({ provide }) => provide)],
})
export class StoreModule implements OnApplicationShutdown {
  constructor(
    @Inject(DeliveryGate) private readonly gate: DeliveryGate,
    @Inject(STORE_ENGINE) private readonly engine: StoreEngine,
  ) {}

  /** The last step of a shutdown, since other parts still use the store while they stop. */
  async onApplicationShutdown(): Promise<void> {
    this.gate.stop();
    await this.engine.close();
  }
}
