import type { Registry } from 'prom-client';
import type { SocketFacts } from '../live/live.config.js';
import type { ViewerId } from '../live/viewer/viewer.js';

/** Who is signed in over HTTP, as the application's sessions say. */
export interface SignedInViewer {
  /** Whose topics these are: a viewer id such as `external:app:42`, from {@link viewerId}. */
  readonly viewer: ViewerId;
  /**
   * The session's id, by which {@link SessionPort.status} and `Sallyport.revokeSession` name it: 1 to 200 visible ASCII characters.
   * The token carries it, so it must not be enough to take the session over: the id of a row, not the secret in the cookie.
   */
  readonly session: string;
}

/**
 * The application's sessions, as two functions. Sallyport asks them and knows no table.
 *
 * @typeParam Request what the application passes to `Sallyport.connectionToken`
 */
export interface SessionPort<Request = never> {
  /**
   * Says who a request comes from. Called by `Sallyport.connectionToken` only.
   *
   * @returns null for a visitor
   */
  read(request: Request): SignedInViewer | null | Promise<SignedInViewer | null>;

  /**
   * Says which of these sessions are live. Called when a socket opens, at the end that was given here, and every 20 seconds for the
   * sessions of all open sockets of a node, so that it notices an end that it was not told of. Up to 1,000 ids at once.
   * Where it throws, or does not answer within 3 seconds, new sockets are refused with 1013 (try again later).
   *
   * @returns the live ones only, each with the time at which it expires unless it is used again
   */
  status(ids: readonly string[]): ReadonlyMap<string, Date> | Promise<ReadonlyMap<string, Date>>;
}

/** Where topics, presence, revocations and rate limits are kept. */
export type StoreOptions =
  /** This process is the only node. What is kept is lost when it ends. */
  | { readonly kind: 'memory' }
  /** Shared by all nodes: `redis://`, `rediss://` or the address of a Sentinel; cluster mode is detected. */
  | { readonly kind: 'redis'; readonly url: string };

/** Bounds of one node. Each is a whole number of 1 or more. */
export interface LimitOptions {
  /** Open sockets. Default 100,000. */
  readonly maxConnections?: number;
  /** Open sockets of one address (IPv6: of one /64). Default 200. */
  readonly maxConnectionsPerAddress?: number;
  /** Open sockets of one viewer. Default 20. */
  readonly maxConnectionsPerViewer?: number;
  /** What all histories take in the memory of this process, in MiB, at least 16. Without effect on Redis. Default 128. */
  readonly maxHistoryMebibytes?: number;
  /** Addresses and ranges without limits per address, such as `10.0.0.0/8`. Default none. */
  readonly throttleExempt?: readonly string[];
}

/** The methods of a pino logger, of any version, that Sallyport calls. */
export interface LoggerLike {
  debug(facts: object, message?: string): void;
  info(facts: object, message?: string): void;
  warn(facts: object, message?: string): void;
  error(facts: object, message?: string): void;
}

/** How Sallyport runs inside an application. `secretKeys` and `sessions` are all that it needs. */
export interface SallyportOptions {
  /**
   * Random keys of at least 32 bytes each (`openssl rand -base64 48`), the same on every node. The first one signs, all verify: to
   * rotate, add the new one at the end, then move it to the front, then remove the old one.
   */
  readonly secretKeys: readonly string[];
  /** The application's sessions. */
  readonly sessions: SessionPort;
  /** Default: memory. */
  readonly store?: StoreOptions;
  /** Where sockets are opened. Default `/graphql`. */
  readonly path?: string;
  /** Origins, beside the server's own host, whose pages may open sockets, such as `https://app.example`. Default none. */
  readonly allowedOrigins?: readonly string[];
  /** Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses and ranges. Default none. */
  readonly trustedProxies?: readonly string[];
  readonly token?: {
    /** How long a token may open a socket, in seconds: 1 to 3,600. Default 60. */
    readonly ttlSeconds?: number;
    /** Whether a token opens one socket only. Default false. */
    readonly singleUse?: boolean;
    /** `iss` and `aud` of every token: those of another deployment are refused. Default `sallyport`. */
    readonly issuer?: string;
  };
  readonly limits?: LimitOptions;
  /** Whether a client may ask for the schema on the socket. Default: unless `NODE_ENV` is `production`. */
  readonly introspection?: boolean;
  /**
   * What resolvers and guards find in the GraphQL context of a subscription, beside `viewer` and `client`. Called once for each socket.
   * Default: nothing more.
   */
  readonly context?: (facts: SocketFacts) => object;
  /** A pino logger. Default: warnings and errors go to Nest's own logger. */
  readonly logger?: LoggerLike;
  /** Where metrics are registered, of prom-client. Default: nowhere. */
  readonly metrics?: Registry;
}
