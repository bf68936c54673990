import type { ClientFacts } from '../viewer/graphql-context.js';
import type { Viewer } from '../viewer/viewer.js';

/** Why a token does not open a socket. Logged as it stands; the client learns only the close code. */
export type TokenRefusal =
  | 'missing'
  | 'malformed'
  | 'expired'
  | 'invalid'
  | 'used'
  | 'session-ended'
  | 'account-gone'
  | 'other-client'
  | 'other-origin';

/** What a connection rests on. On a session it closes when that session is revoked; on its token, also when the token expires. */
export type StandsOn = { readonly session: string } | 'token';

/** The session whose revocation ends a grant: the one that it stands on, or the one that its token belongs to; null for none. */
export function sessionOf({ standsOn, session = null }: Pick<Grant, 'standsOn' | 'session'>): string | null {
  return standsOn === 'token' ? session : standsOn.session;
}

/** What a verified token is good for. */
export interface Grant {
  readonly viewer: Viewer;
  readonly standsOn: StandsOn;
  /** With a grant that stands on its token: the session that the token belongs to, whose revocation ends the connection before. */
  readonly session?: string | null;
  /** When the token was issued: a revocation of its viewer's tokens until then ends the connection. Absent: any does. */
  readonly issuedAt?: Date;
  /** When the connection ends unless it is refreshed or its session goes on. */
  readonly expiresAt: Date;
  /**
   * Whether the viewer may connect from a page of this origin; null is a client that sent none, and is no browser.
   * Absent: from every page that may open sockets, which was decided at the upgrade.
   */
  maySpeakFrom?(origin: string | null): boolean;
}

/** A verdict on one token. Expected refusals are values; only a store that is away throws. */
export type Verdict =
  { readonly ok: true; readonly grant: Grant } | { readonly ok: false; readonly reason: TokenRefusal };

/**
 * A way in: turns a token into a {@link Grant}. The gateway asks the first authenticator that recognises the text and knows
 * nothing else of where people come from. Each kind of token has one; `GatewayModule.with` lists them.
 */
export abstract class ConnectionAuthenticator {
  /** Whether the text has this kind's outer form. Cheap: no cryptography. */
  abstract recognises(token: string): boolean;

  /**
   * Verifies signature or seal, purpose and times, and that the viewer may still connect from this client.
   * Called for `connection_init` and for every refresh.
   *
   * @throws UnavailableError when a store is away: the socket is then closed with 1013, never let in
   */
  abstract authenticate(token: string, client: ClientFacts): Promise<Verdict>;

  /**
   * Whether pages of this origin belong to this way in: they may open sockets, and tokens of the other ways in are refused
   * from them. Default: none do, and `PUBLIC_URL` and `ALLOWED_ORIGINS` decide.
   *
   * @param _origin an origin as browsers write it, such as `https://shop.example`
   */
  ownsOrigin(_origin: string): boolean {
    return false;
  }
}

/** Injection token of the ways in, in the order in which they are asked. */
export const CONNECTION_AUTHENTICATORS = Symbol('CONNECTION_AUTHENTICATORS');
