import type { Viewer } from '../viewer/viewer.js';

/** What is known of the socket that presents a token. */
export interface ConnectionFacts {
  /** The socket's address after trusted proxies, normalised. */
  readonly address: string;
  readonly userAgent: string | null;
  /** The verified Origin of the upgrade, or null for a client that is no browser. */
  readonly origin: string | null;
}

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

/** What a verified token is good for. */
export interface TokenGrant {
  readonly ok: true;
  readonly viewer: Viewer;
  /** When the connection ends unless refreshed, in ms since the epoch: the session's end for an account, the token's for a customer. */
  readonly expiresAtMs: number;
}

/** A verdict on one token. Expected refusals are values; only a store that is away throws. */
export type TokenVerdict = TokenGrant | { readonly ok: false; readonly reason: TokenRefusal };

/** One kind of token that opens sockets. The gateway asks the first verifier that recognises the text. */
export abstract class ConnectionTokenVerifier {
  /** Whether the text has this kind's outer form. Cheap: no cryptography. */
  abstract recognises(token: string): boolean;

  /**
   * Verifies signature or seal, purpose, times, and that whoever it names may still connect from this socket.
   * Called for `connection_init` and for every refresh.
   *
   * @throws UnavailableError when a store is away: the socket is then closed with 1013, never let in
   */
  abstract verify(token: string, facts: ConnectionFacts): Promise<TokenVerdict>;
}
