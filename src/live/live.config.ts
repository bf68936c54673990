import type { AddressRange } from './viewer/client-address.js';
import type { ClientFacts } from './viewer/graphql-context.js';
import type { Viewer } from './viewer/viewer.js';

/** The socket's path, and who may open sockets. */
export interface GatewayConfig {
  /** The path of the socket, such as `/graphql`. Matched exactly. */
  readonly path: string;
  /** True where browsers use https: an upgrade that reached a trusted proxy over http is refused. */
  readonly secure: boolean;
  /** Proxies whose `X-Forwarded-*` and `X-Request-Id` are trusted. */
  readonly trustedProxies: readonly AddressRange[];
  /** Origins whose pages may open sockets and call with credentials. */
  readonly origins: readonly string[];
  /** What messages call the setting of these origins. Default: `ALLOWED_ORIGINS`. */
  readonly originsSetting?: string;
  /** Whether pages of the host that an upgrade names in `Host` may open sockets as well. */
  readonly sameHost: boolean;
  /** Whether other parts of an application take upgrades of the same HTTP server. */
  readonly sharesServer: boolean;
  /** Whether a client may ask for the schema. */
  readonly introspection: boolean;
  /** Additional fields of the GraphQL context of a socket; called before it is admitted. Default: none. */
  readonly context?: (facts: SocketFacts) => object | Promise<object>;
}

/** What is known about an admitted socket. */
export interface SocketFacts {
  readonly viewer: Viewer;
  readonly client: ClientFacts;
}

/** The keys that sign and seal. */
export interface SecretConfig {
  /** The first one signs, all verify. Never empty. docs/operations.md says how to rotate them. */
  readonly keys: readonly string[];
}

/** How long a token is valid and how often it opens a socket. */
export interface TokenConfig {
  readonly ttlSeconds: number;
  readonly singleUse: boolean;
  /** `iss` and `aud` of every token: tokens of one deployment are refused by another. */
  readonly issuer: string;
}

/** What messages call the settings of a store. */
export interface StoreSettings {
  /** The setting of the URL. */
  readonly url: string;
  /** What to do for another store instead, as the end of a sentence. */
  readonly instead: string;
}

/** Where topics and counters are kept. */
export type StoreConfig =
  /** This process is the only node. */
  | { readonly kind: 'memory' }
  /** Shared by all nodes of one Redis. */
  | { readonly kind: 'redis'; readonly url: string; readonly settings?: StoreSettings }
  /** Shared by all nodes of one PostgreSQL. */
  | {
      readonly kind: 'postgres';
      readonly url: string;
      /** For the connection that listens, if `url` leads to a pooler in transaction mode. */
      readonly listenUrl?: string | undefined;
      readonly settings?: StoreSettings;
    };

/** Where other backends publish by SQL. */
export interface OutboxConfig {
  /** The database. It is that of the store, if the store is in PostgreSQL. */
  readonly url: string;
  /** For the connection that listens, if `url` leads to a pooler in transaction mode. */
  readonly listenUrl?: string | undefined;
  readonly settings?: StoreSettings;
}

/** Limits on sockets and history, per node. Connections of all workers of a server count together. */
export interface LimitsConfig {
  readonly maxConnections: number;
  /** The most in this process alone. Default: `maxConnections`. */
  readonly maxConnectionsHere?: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxConnectionsPerViewer: number;
  /** Memory limit of all histories together. No effect on a shared store. */
  readonly maxHistoryBytes: number;
  /** Addresses without per-address limits. */
  readonly throttleExempt: readonly AddressRange[];
}

/** Injection tokens of the configuration of `live/`. */
export const GATEWAY_CONFIG = Symbol('GATEWAY_CONFIG');
export const SECRET_CONFIG = Symbol('SECRET_CONFIG');
export const TOKEN_CONFIG = Symbol('TOKEN_CONFIG');
export const STORE_CONFIG = Symbol('STORE_CONFIG');
export const OUTBOX_CONFIG = Symbol('OUTBOX_CONFIG');
export const LIMITS_CONFIG = Symbol('LIMITS_CONFIG');
