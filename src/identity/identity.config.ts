import type { AddressRange } from '../live/viewer/client-address.js';

/** How browsers reach the server, and whether it runs in production. */
export interface HttpConfig {
  readonly production: boolean;
  /** The origin that browsers use, without a trailing slash. */
  readonly publicUrl: string;
  /** True if `publicUrl` is https: cookies are then `Secure` and `__Host-`. */
  readonly secure: boolean;
  /** Proxies whose `X-Forwarded-*` and `X-Request-Id` are trusted. */
  readonly trustedProxies: readonly AddressRange[];
}

/** The database. */
export interface DatabaseConfig {
  /** PostgreSQL, or null for the embedded database in `dataDir`. */
  readonly url: string | null;
  /** The same database for connections that listen, if `url` leads to a pooler in transaction mode. */
  readonly listenUrl?: string | undefined;
  readonly dataDir: string;
}

/** When sessions expire, in seconds: without use, and in any case. */
export interface SessionConfig {
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
}

/** One shop whose proxy signs requests for us. */
interface ShopConfig {
  /** The `shop` that the proxy signs: the myshopify.com domain. */
  readonly domain: string;
  /** The origins that its customers' browsers may send: `https://<domain>` first, then its own domains. */
  readonly origins: readonly string[];
}

/** The app proxy; disabled if `secret` is null. */
export interface AppProxyConfig {
  readonly secret: string | null;
  readonly shops: readonly ShopConfig[];
  readonly bind: 'ip+ua' | 'ua' | 'none';
}

/** One identity provider whose JWTs open sockets. */
export interface TrustedIssuer {
  /** Its part of viewer ids: `external:<source>:<sub>`. */
  readonly source: string;
  /** Its `iss`, compared character by character: with or without a trailing slash, as the provider writes it. */
  readonly issuer: string;
  /** The `aud` that its tokens must contain. */
  readonly audience: string;
  /** The `aud` of its logout tokens: this server's client id there. Default: {@link audience}. */
  readonly clientId: string;
  /** The URL of its key set; null: found by OpenID Connect Discovery. */
  readonly jwksUri: string | null;
  readonly algorithms: readonly string[];
}

/** Identity providers whose JWTs open sockets. */
export interface IssuersConfig {
  readonly issuers: readonly TrustedIssuer[];
}

/** How long audit events are stored. */
export interface AuditConfig {
  /** 0: not at all; they are only logged. */
  readonly retentionDays: number;
}

/** Who may create an account. */
export interface RegistrationConfig {
  /** `invite`: with an invitation that an operator has created. */
  readonly mode: 'open' | 'invite' | 'closed';
}

/** Injection tokens of the configuration of `identity/`. */
export const HTTP_CONFIG = Symbol('HTTP_CONFIG');
export const AUDIT_CONFIG = Symbol('AUDIT_CONFIG');
export const DATABASE_CONFIG = Symbol('DATABASE_CONFIG');
export const SESSION_CONFIG = Symbol('SESSION_CONFIG');
export const APP_PROXY_CONFIG = Symbol('APP_PROXY_CONFIG');
export const REGISTRATION_CONFIG = Symbol('REGISTRATION_CONFIG');
export const ISSUERS_CONFIG = Symbol('ISSUERS_CONFIG');
