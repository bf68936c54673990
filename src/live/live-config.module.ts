import {
  type DynamicModule,
  type FactoryProvider,
  type InjectionToken,
  Module,
  type ModuleMetadata,
  type Provider,
} from '@nestjs/common';
import type { Logger } from 'pino';
import {
  GATEWAY_CONFIG,
  type GatewayConfig,
  LIMITS_CONFIG,
  type LimitsConfig,
  OUTBOX_CONFIG,
  type OutboxConfig,
  SECRET_CONFIG,
  type SecretConfig,
  STORE_CONFIG,
  type StoreConfig,
  TOKEN_CONFIG,
  type TokenConfig,
} from './live.config.js';
import { ConnectionsElsewhere } from './gateway/connection/connections-elsewhere.js';
import { AuditLog } from './logging/audit-log.js';
import { LOGGER } from './logging/logger.js';
import { RateLimitMetrics } from './rate-limit/rate-limit.metrics.js';
import { VIEWER_CHECK, type ViewerCheck } from './publish/published-event.js';
import { MetricsRegistry } from './metrics-registry.js';

/** The configuration of `live/`. */
export interface LiveConfig {
  readonly gateway: GatewayConfig;
  readonly secrets: SecretConfig;
  readonly token: TokenConfig;
  readonly store: StoreConfig;
  /** Null: nobody publishes by SQL. */
  readonly outbox: OutboxConfig | null;
  readonly limits: LimitsConfig;
  /** Connections of other processes that count towards the same limits. */
  readonly elsewhere: ConnectionsElsewhere;
  readonly logger: Logger;
  readonly audit: AuditLog;
  /** Where metrics are registered. */
  readonly metrics: MetricsRegistry;
  /** Refuses viewers that cannot exist here. */
  readonly refusesViewer: ViewerCheck;
}

/** Injection token of the whole {@link LiveConfig}. Only {@link LiveConfigModule} and whatever provides it use it. */
export const LIVE_CONFIG = Symbol('LIVE_CONFIG');

function part<T>(provide: InjectionToken<T>, take: (config: LiveConfig) => T): FactoryProvider<T> {
  return { provide, useFactory: take, inject: [LIVE_CONFIG] };
}

const PARTS = [
  part(GATEWAY_CONFIG, ({ gateway }) => gateway),
  part(SECRET_CONFIG, ({ secrets }) => secrets),
  part(TOKEN_CONFIG, ({ token }) => token),
  part(STORE_CONFIG, ({ store }) => store),
  part(OUTBOX_CONFIG, ({ outbox }) => outbox),
  part(LIMITS_CONFIG, ({ limits }) => limits),
  part(ConnectionsElsewhere, ({ elsewhere }) => elsewhere),
  part(LOGGER, ({ logger }) => logger),
  part(AuditLog, ({ audit }) => audit),
  part(MetricsRegistry, ({ metrics }) => metrics),
  part(RateLimitMetrics, ({ metrics }) => new RateLimitMetrics(metrics)),
  part(VIEWER_CHECK, ({ refusesViewer }) => refusesViewer),
];

/** Global: provides each module of `live/` with its part of the configuration. */
@Module({})
export class LiveConfigModule {
  /**
   * @param config a provider of {@link LIVE_CONFIG}, already checked
   * @param imports the modules that the provider injects from
   */
  static of(config: Provider, imports: NonNullable<ModuleMetadata['imports']> = []): DynamicModule {
    return {
      module: LiveConfigModule,
      global: true,
      imports,
      providers: [config, ...PARTS],
      exports: PARTS.map(({ provide }) => provide),
    };
  }
}
