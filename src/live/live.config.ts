import type { AddressRange } from './viewer/client-address.js';
import type { ClientFacts } from './viewer/graphql-context.js';
import type { Viewer } from './viewer/viewer.js';

/** Where sockets are opened, and by whom. */
export interface GatewayConfig {
  /** The path of the socket, such as `/graphql`. Matched exactly. */
  readonly path: string;
  /** True where browsers use https: an upgrade that reached a trusted proxy in the clear is refused. */
  readonly secure: boolean;
  /** Proxies whose `X-Forwarded-*` and `X-Request-Id` are believed. */
  readonly trustedProxies: readonly AddressRange[];
  /** Origins whose pages may open sockets and call with credentials. */
  readonly origins: readonly string[];
  /** Whether pages of the host that an upgrade names in `Host` may open sockets as well. */
  readonly sameHost: boolean;
  /** Whether other parts of an application take upgrades of the same HTTP server. */
  readonly sharesServer: boolean;
  /** Whether a client may ask for the schema. */
  readonly introspection: boolean;
  /** What the GraphQL context of a socket holds beside our own; called when it is admitted. Default: nothing. */
  readonly context?: (facts: SocketFacts) => object;
}

/** What is known of an admitted socket. */
export interface SocketFacts {
  readonly viewer: Viewer;
  readonly client: ClientFacts;
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
export const GATEWAY_CONFIG = Symbol('GATEWAY_CONFIG');
export const SECRET_CONFIG = Symbol('SECRET_CONFIG');
export const TOKEN_CONFIG = Symbol('TOKEN_CONFIG');
export const REDIS_CONFIG = Symbol('REDIS_CONFIG');
export const LIMITS_CONFIG = Symbol('LIMITS_CONFIG');
