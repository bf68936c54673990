import type { HttpConfig, LimitsConfig, RedisConfig, SecretConfig, TokenConfig } from '../../live/live.config.js';
import type {
  AppProxyConfig,
  DatabaseConfig,
  IssuersConfig,
  RegistrationConfig,
  SessionConfig,
} from '../../identity/identity.config.js';
import type { FeedsConfig } from '../../feeds/user-count/user-count.worker.js';

/** Log output. */
export interface LoggingConfig {
  readonly level: string;
}

/** The whole configuration, frozen at start. Each module injects only its own part. */
export interface Config {
  readonly http: HttpConfig;
  readonly database: DatabaseConfig;
  readonly redis: RedisConfig;
  readonly secrets: SecretConfig;
  readonly session: SessionConfig;
  readonly token: TokenConfig;
  readonly feeds: FeedsConfig;
  readonly appProxy: AppProxyConfig;
  readonly issuers: IssuersConfig;
  readonly limits: LimitsConfig;
  readonly registration: RegistrationConfig;
  readonly logging: LoggingConfig;
}
