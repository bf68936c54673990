import type { Registry } from 'prom-client';
import type { SocketFacts } from '../live/live.config.js';
import type { ViewerId } from '../live/viewer/viewer.js';

/** The signed-in user of an HTTP request, from the application's sessions. */
export interface SignedInViewer {
  /** The viewer id, such as `external:app:42`, from {@link viewerId}. */
  readonly viewer: ViewerId;
  /**
   * The session's id, by which {@link SessionPort.status} and `Sallyport.revokeSession` name it: 1 to 200 visible ASCII
   * characters, not beginning with `external:`. The token contains it, so it must not grant access to the session: use
   * the id of a row, not the secret in the cookie.
   */
  readonly session: string;
}

/**
 * The application's sessions, as two functions. Sallyport needs no table.
 *
 * @typeParam Request what the application passes to `Sallyport.connectionToken`
 */
export interface SessionPort<Request = never> {
  /**
   * Returns the viewer and session of a request. Called only by `Sallyport.connectionToken`.
   *
   * @returns null if the user is not signed in
   */
  read(request: Request): SignedInViewer | null | Promise<SignedInViewer | null>;

  /**
   * Returns which of these sessions are valid. Called when a socket opens, at the expiry that was returned here, and
   * every 20 seconds for the sessions of all open sockets of a node, to detect ends that were not announced. Up to
   * 1,000 ids at once. If it throws, or does not answer within 3 seconds, new sockets are refused with 1013 (try again
   * later), and open ones are closed with it 30 seconds after the last known expiry of their session, or after 10
   * seconds if this process was paused or had lost its store, since events wait until sessions are checked.
   *
   * @returns only the valid ones, each with the time at which it expires unless it is used again; one whose time has
   * passed has ended
   */
  status(ids: readonly string[]): ReadonlyMap<string, Date> | Promise<ReadonlyMap<string, Date>>;
}

/** Where topics, presence, revocations and rate limits are kept. */
export type StoreOptions =
  /** This process is the only node. The data is lost when it ends. */
  | { readonly kind: 'memory' }
  /** Shared by all nodes: `redis://`, `rediss://` or the address of a Sentinel; cluster mode is detected. */
  | { readonly kind: 'redis'; readonly url: string }
  /**
   * Shared by all nodes: `postgres://user:password@host:5432/database`, in a schema `sallyport` that is created and
   * migrated at start. `listenUrl`: for the one connection that listens, if `url` leads to a pooler in transaction mode.
   */
  | { readonly kind: 'postgres'; readonly url: string; readonly listenUrl?: string };

/** Limits of one node. Each is a whole number of 1 or more. */
export interface LimitOptions {
  /** Open sockets. Default 100,000. */
  readonly maxConnections?: number;
  /** Open sockets of one address (IPv6: of one /64). Default 200. */
  readonly maxConnectionsPerAddress?: number;
  /** Open sockets of one viewer. Default 20. */
  readonly maxConnectionsPerViewer?: number;
  /** Memory limit of all histories in this process, in MiB, at least 16. No effect on a shared store. Default 128. */
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

/** The options of Sallyport in an application. Only `secretKeys` and `sessions` are required. */
export interface SallyportOptions {
  /**
   * Random keys of at least 32 bytes each (`openssl rand -base64 48`), the same on every node. The first one signs, all
   * verify: to rotate, add the new one at the end, then move it to the front, then remove the old one.
   */
  readonly secretKeys: readonly string[];
  /** The application's sessions. */
  readonly sessions: SessionPort;
  /** Default: memory. */
  readonly store?: StoreOptions;
  /** The path of sockets. Default `/graphql`. */
  readonly path?: string;
  /**
   * Origins, besides the server's own host, whose pages may open sockets, such as `https://app.example`. Default none.
   */
  readonly allowedOrigins?: readonly string[];
  /** Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted: addresses and ranges. Default none. */
  readonly trustedProxies?: readonly string[];
  readonly token?: {
    /** How long a token may open a socket, in seconds: 1 to 3,600. Default 60. */
    readonly ttlSeconds?: number;
    /** Whether a token opens or refreshes only one socket. Default false. */
    readonly singleUse?: boolean;
    /** `iss` and `aud` of every token: those of another deployment are refused. Default `sallyport`. */
    readonly issuer?: string;
  };
  readonly limits?: LimitOptions;
  /** Whether introspection is allowed on the socket. Default: unless `NODE_ENV` is `production`. */
  readonly introspection?: boolean;
  /**
   * Returns additional fields of a subscription's GraphQL context, besides `viewer`, `client` and `cookies`, for
   * resolvers and guards. Called once for each socket, before it is admitted. If it throws, the socket is closed with
   * 1011. Default: none.
   */
  readonly context?: (facts: SocketFacts) => object | Promise<object>;
  /** A pino logger. Default: warnings and errors go to Nest's own logger. */
  readonly logger?: LoggerLike;
  /** The prom-client registry for metrics, of one open application at a time. Default: none. */
  readonly metrics?: Registry;
}
