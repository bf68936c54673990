import type { ClientFacts } from '../viewer/graphql-context.js';
import type { Viewer } from '../viewer/viewer.js';

/** Why a token does not open a socket. Logged as is; the client learns only the close code. */
export const TOKEN_REFUSALS = [
  'missing',
  'malformed',
  'expired',
  'invalid',
  'used',
  'session-ended',
  'account-gone',
  'other-client',
  'other-origin',
] as const;

/** One of {@link TOKEN_REFUSALS}. */
export type TokenRefusal = (typeof TOKEN_REFUSALS)[number];

/**
 * What a connection depends on. With a session it closes when that session is revoked; with a token, also when the
 * token expires.
 */
export type StandsOn = { readonly session: string } | 'token';

/**
 * The session whose revocation ends a grant: the one that it depends on, or the one that its token belongs to; null for
 * none.
 */
export function sessionOf({ standsOn, session = null }: Pick<Grant, 'standsOn' | 'session'>): string | null {
  return standsOn === 'token' ? session : standsOn.session;
}

/** What a verified token allows. */
export interface Grant {
  readonly viewer: Viewer;
  readonly standsOn: StandsOn;
  /**
   * For a grant that depends on its token: the session that the token belongs to. Its revocation also ends the
   * connection.
   */
  readonly session?: string | null;
  /**
   * When the token was issued: a revocation of the viewer's tokens up to a later time ends the connection. Absent: any
   * revocation does.
   */
  readonly issuedAt?: Date;
  /** When the connection ends unless it is refreshed or its session is extended. */
  readonly expiresAt: Date;
  /**
   * Whether the viewer may connect from a page of this origin; null means that the client sent none, so it is not a
   * browser. Absent: allowed from every origin that passed the upgrade's check.
   */
  maySpeakFrom?(origin: string | null): boolean;
  /**
   * Uses up the token; false if it was used before, which refuses it as `used`. Called when nothing else refuses it, so
   * that a token that is refused for another reason stays unused. Absent: the token may be used again.
   *
   * @throws UnavailableError as {@link ConnectionAuthenticator.authenticate}
   */
  claim?(): Promise<boolean>;
}

/** The result for one token. Expected refusals are values; only an unavailable store throws. */
export type Verdict =
  { readonly ok: true; readonly grant: Grant } | { readonly ok: false; readonly reason: TokenRefusal };

/**
 * Turns one kind of token into a {@link Grant}. The gateway asks the first authenticator that recognises the token and
 * knows nothing else about users. `GatewayModule.with` lists the authenticators.
 */
export abstract class ConnectionAuthenticator {
  /** Its label in metrics: a short fixed word. Default: `other`. */
  readonly name: string = 'other';

  /** Whether the text has the form of this kind of token. Cheap: no cryptography. */
  abstract recognises(token: string): boolean;

  /**
   * Verifies signature or seal, purpose and times, and that the viewer may still connect from this client.
   * Called for `connection_init` and for every refresh.
   *
   * @throws UnavailableError when a store is unavailable: the socket is then closed with 1013, never admitted. Anything
   * else is logged as an error and closes it with 1011
   */
  abstract authenticate(token: string, client: ClientFacts): Promise<Verdict>;

  /**
   * Whether pages of this origin belong to this authenticator: they may open sockets, but only with its tokens.
   * Default: none do, and `PUBLIC_URL` and `ALLOWED_ORIGINS` decide.
   *
   * @param _origin an origin as browsers write it, such as `https://shop.example`
   */
  ownsOrigin(_origin: string): boolean {
    return false;
  }
}

/** Injection token of the authenticators, in the order in which they are asked. */
export const CONNECTION_AUTHENTICATORS = Symbol('CONNECTION_AUTHENTICATORS');
