/** Listening and the address people use. */
export interface HttpConfig {
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  /** The origin people's browsers use, without a trailing slash. */
  readonly publicUrl: string;
  /** True where `publicUrl` is https: cookies are `Secure` and `__Host-`. */
  readonly secure: boolean;
  /** Proxies whose `X-Forwarded-*` is believed: addresses and CIDRs. */
  readonly trustedProxies: readonly string[];
  /** Other origins that may call with credentials and open sockets. */
  readonly allowedOrigins: readonly string[];
  /** Whether `/graphiql` is served. */
  readonly graphiql: boolean;
  /** Whether a client may ask for the schema. */
  readonly introspection: boolean;
}

/** Where rows live. */
export interface DatabaseConfig {
  /** PostgreSQL, or null for the embedded database in `dataDir`. */
  readonly url: string | null;
  readonly dataDir: string;
}

/** Where topics and counters are shared between nodes. */
export interface RedisConfig {
  /** Null: this process is the only node, everything is in memory. */
  readonly url: string | null;
}

/** The keys that sign and seal. */
export interface SecretConfig {
  /** The first one signs, all verify. Never empty. docs/operations.md says in which order to rotate them. */
  readonly keys: readonly string[];
}

/** How long sessions and tokens live, in seconds. */
export interface SessionConfig {
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
}

/** How long a token lives and how often it opens a socket. */
export interface TokenConfig {
  readonly ttlSeconds: number;
  readonly singleUse: boolean;
  /** `iss` and `aud` of every token: tokens of one deployment are refused by another. */
  readonly issuer: string;
}

/** The feeds' own settings. */
export interface FeedsConfig {
  readonly userCountIntervalSeconds: number;
}

/** One shop whose proxy signs requests for us. */
export interface ShopConfig {
  /** What the proxy signs as `shop`: the myshopify.com domain. */
  readonly domain: string;
  /** The origins that its customers' browsers may show: `https://<domain>` first, then its own domains. */
  readonly origins: readonly string[];
}

/** The second way in; off while `secret` is null. */
export interface AppProxyConfig {
  readonly secret: string | null;
  readonly shops: readonly ShopConfig[];
  readonly bind: 'ip+ua' | 'ua' | 'none';
}

/** Bounds on sockets and on history, per node. */
export interface LimitsConfig {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxConnectionsPerViewer: number;
  /** What all histories in memory take together. Without effect where `redis.url` is set. */
  readonly maxHistoryBytes: number;
  /** Addresses and CIDRs without per-address limits. */
  readonly throttleExempt: readonly string[];
}

/** Who may make an account. */
export interface RegistrationConfig {
  /** `invite`: whoever has an invitation that an operator has made. */
  readonly mode: 'open' | 'invite' | 'closed';
}

/** Log output. */
export interface LoggingConfig {
  readonly level: string;
}

/** The whole configuration, frozen at start. Each room injects only its own slice. */
export interface Config {
  readonly http: HttpConfig;
  readonly database: DatabaseConfig;
  readonly redis: RedisConfig;
  readonly secrets: SecretConfig;
  readonly session: SessionConfig;
  readonly token: TokenConfig;
  readonly feeds: FeedsConfig;
  readonly appProxy: AppProxyConfig;
  readonly limits: LimitsConfig;
  readonly registration: RegistrationConfig;
  readonly logging: LoggingConfig;
}
