import type { AddressRange } from './viewer/client-address.js';

/** Listening and the address people use. */
export interface HttpConfig {
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  /** The origin people's browsers use, without a trailing slash. */
  readonly publicUrl: string;
  /** True where `publicUrl` is https: cookies are `Secure` and `__Host-`. */
  readonly secure: boolean;
  /** Proxies whose `X-Forwarded-*` and `X-Request-Id` are believed. */
  readonly trustedProxies: readonly AddressRange[];
  /** Other origins that may call with credentials and open sockets. */
  readonly allowedOrigins: readonly string[];
  /** Whether `/graphiql` is served. */
  readonly graphiql: boolean;
  /** Whether a client may ask for the schema. */
  readonly introspection: boolean;
}

/** The keys that sign and seal. */
export interface SecretConfig {
  /** The first one signs, all verify. Never empty. docs/operations.md says in which order to rotate them. */
  readonly keys: readonly string[];
}

/** How long a token lives and how often it opens a socket. */
export interface TokenConfig {
  readonly ttlSeconds: number;
  readonly singleUse: boolean;
  /** `iss` and `aud` of every token: tokens of one deployment are refused by another. */
  readonly issuer: string;
}

/** Where topics and counters are shared between nodes. */
export interface RedisConfig {
  /** Null: this process is the only node, everything is in memory. */
  readonly url: string | null;
}

/** Bounds on sockets and on history, per node. */
export interface LimitsConfig {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxConnectionsPerViewer: number;
  /** What all histories in memory take together. Without effect where `redis.url` is set. */
  readonly maxHistoryBytes: number;
  /** Addresses without per-address limits. */
  readonly throttleExempt: readonly AddressRange[];
}

/** Injection tokens of what this half is told at start. */
export const HTTP_CONFIG = Symbol('HTTP_CONFIG');
export const SECRET_CONFIG = Symbol('SECRET_CONFIG');
export const TOKEN_CONFIG = Symbol('TOKEN_CONFIG');
export const REDIS_CONFIG = Symbol('REDIS_CONFIG');
export const LIMITS_CONFIG = Symbol('LIMITS_CONFIG');
