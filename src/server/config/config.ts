import type { ConnectionsElsewhere } from '../../live/gateway/connection/connections-elsewhere.js';
import type { LimitsConfig, SecretConfig, StoreConfig, TokenConfig } from '../../live/live.config.js';
import type {
  AppProxyConfig,
  AuditConfig,
  DatabaseConfig,
  HttpConfig,
  IssuersConfig,
  RegistrationConfig,
  SessionConfig,
} from '../../identity/identity.config.js';
import type { WebhookConfig } from '../webhooks/webhook.config.js';
import type { MetricsConfig } from '../metrics/metrics.config.js';
import type { TracingConfig } from '../tracing/tracing.config.js';
import type { FeedsConfig } from '../../feeds/user-count/user-count.worker.js';

/** Listening, and what is served besides the socket. */
export interface ServerConfig extends HttpConfig {
  readonly host: string;
  readonly port: number;
  /** Other origins that may call with credentials and open sockets. */
  readonly allowedOrigins: readonly string[];
  /** Whether `/graphiql` is served. */
  readonly graphiql: boolean;
  /** Whether a client may ask for the schema. */
  readonly introspection: boolean;
}

/** Log output. */
export interface LoggingConfig {
  readonly level: string;
  /** What every line says of this process: in a worker its number and its pid. Default: nothing. */
  readonly facts?: { readonly worker: number; readonly pid: number };
}

/** The whole configuration, frozen at start. Each module injects only its own part. */
export interface Config {
  readonly http: ServerConfig;
  /** `WORKERS`: processes behind one port. */
  readonly workers: number;
  readonly database: DatabaseConfig;
  readonly store: StoreConfig;
  readonly secrets: SecretConfig;
  readonly session: SessionConfig;
  readonly token: TokenConfig;
  readonly feeds: FeedsConfig;
  readonly appProxy: AppProxyConfig;
  readonly issuers: IssuersConfig;
  readonly limits: LimitsConfig;
  /** In a worker: the connections of the others, which the limits count too. Default: none. */
  readonly elsewhere?: ConnectionsElsewhere;
  readonly registration: RegistrationConfig;
  readonly audit: AuditConfig;
  readonly webhooks: WebhookConfig;
  readonly metrics: MetricsConfig;
  /** Null: no traces. */
  readonly tracing: TracingConfig | null;
  readonly logging: LoggingConfig;
}
