import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { LOGGER } from '../../logging/logger.js';
import { CloseCode } from '../../../protocol/close-code.js';
import { SharedStoreHealth } from '../../store/store-health.js';
import {
  CONNECTION_AUTHENTICATORS,
  ConnectionAuthenticator,
  type Grant,
  sessionOf,
  type TokenRefusal,
  type Verdict,
} from '../connection-authenticator.js';
import type { Connection, ConnectionFacts } from '../connection/connection.js';
import { GatewayMetrics } from './gateway.metrics.js';

/** The longest token of any kind, in characters; each authenticator has its own lower limit. */
const MAX_ANY_TOKEN_LENGTH = 16_384;
/** Refusals that require signing in again; for all others a new token is enough. */
const SIGN_IN_AGAIN: ReadonlySet<TokenRefusal> = new Set(['session-ended', 'account-gone']);

/** A token that was verified, and the name of the authenticator that did. */
interface Verified {
  readonly ok: true;
  readonly grant: Grant;
  readonly authenticator: string;
}

/** Why a token was not accepted. */
type Refused = Extract<Verdict, { ok: false }>;

/** How a socket is closed whose token is refused. */
export interface Refusal {
  readonly ok: false;
  readonly closeCode: CloseCode;
  readonly message: string;
}

/** Whether a token opens (or keeps) a socket, and if not, how the socket is closed. */
export type Admission = Verified | Refusal;

const TRY_AGAIN_LATER: Refusal = { ok: false, closeCode: CloseCode.TryAgainLater, message: 'Try again later' };

/**
 * Decides on a token, and records refusals. Called with the `connection_init` payload, and with each refresh. If a store
 * is unavailable it refuses with "try again later".
 */
@Injectable()
export class ConnectionPolicy {
  constructor(
    @Inject(CONNECTION_AUTHENTICATORS) private readonly authenticators: readonly ConnectionAuthenticator[],
    private readonly store: SharedStoreHealth,
    private readonly metrics: GatewayMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Decides on a token as the client sent it. Refuses all tokens while events cannot be delivered.
   *
   * @throws what an authenticator throws besides UnavailableError: the socket is then closed with 1011
   */
  async admit(token: unknown, facts: ConnectionFacts): Promise<Admission> {
    const admission = await this.#decide(token, facts);
    return admission.ok && !this.store.isAvailable() ? TRY_AGAIN_LATER : admission;
  }

  /**
   * Decides on a token that renews an open socket: it must have the same viewer, and the same session if there is one.
   *
   * @throws as {@link admit}
   */
  async renew(token: unknown, connection: Connection): Promise<Admission> {
    const { facts } = connection;
    const admission = await this.#decide(token, facts);
    if (!admission.ok || continues(admission.grant, connection)) return admission;
    return this.#refuse('other-client', facts);
  }

  /**
   * Uses up the token of a grant if it may be used only once. Call it after every other check.
   *
   * @returns null, or how the socket is closed
   * @throws as {@link admit}
   */
  claim(grant: Grant, facts: ConnectionFacts): Promise<Refusal | null> {
    return this.#orTryAgainLater(facts, async () => {
      const isClaimed = grant.claim === undefined || (await grant.claim());
      return isClaimed ? null : this.#refuse('used', facts);
    });
  }

  #decide(token: unknown, facts: ConnectionFacts): Promise<Admission> {
    return this.#orTryAgainLater(facts, async () => {
      const verdict = await this.#verify(token, facts);
      return verdict.ok ? verdict : this.#refuse(verdict.reason, facts);
    });
  }

  async #orTryAgainLater<T>(facts: ConnectionFacts, decide: () => Promise<T>): Promise<T | Refusal> {
    try {
      return await decide();
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      const { requestId, address } = facts;
      this.logger.warn({ requestId, address }, 'token not verified: a store is unavailable');
      return TRY_AGAIN_LATER;
    }
  }

  async #verify(token: unknown, facts: ConnectionFacts): Promise<Verified | Refused> {
    if (token === undefined || token === null || token === '') return { ok: false, reason: 'missing' };
    if (typeof token !== 'string' || token.length > MAX_ANY_TOKEN_LENGTH) return { ok: false, reason: 'malformed' };
    const authenticator = this.authenticators.find((candidate) => candidate.recognises(token));
    if (!authenticator) return { ok: false, reason: 'malformed' };
    const verdict = await authenticator.authenticate(token, facts);
    if (!verdict.ok) return verdict;
    if (!this.#mayComeFrom(authenticator, verdict.grant, facts.origin)) return { ok: false, reason: 'other-origin' };
    return { ...verdict, authenticator: authenticator.name };
  }

  /** A page that belongs to one authenticator accepts only its tokens; on any other page the grant decides. */
  #mayComeFrom(authenticator: ConnectionAuthenticator, grant: Grant, origin: string | null): boolean {
    const owner = origin === null ? undefined : this.authenticators.find((other) => other.ownsOrigin(origin));
    return (owner === undefined || owner === authenticator) && (grant.maySpeakFrom?.(origin) ?? true);
  }

  #refuse(reason: TokenRefusal, facts: ConnectionFacts): Refusal {
    this.metrics.tokenRefused(reason, facts);
    const closeCode = SIGN_IN_AGAIN.has(reason) ? CloseCode.Unauthorized : CloseCode.Forbidden;
    return { ok: false, closeCode, message: closeCode === CloseCode.Unauthorized ? 'Session ended' : 'Forbidden' };
  }
}

function continues(next: Grant, { viewerId, session }: Connection): boolean {
  return next.viewer.id === viewerId && sessionOf(next) === session;
}
