import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { ShopOrigins } from '../../../identity/app-proxy/shop-origins.js';
import {
  type ConnectionFacts,
  ConnectionTokenVerifier,
  type TokenGrant,
  type TokenRefusal,
  type TokenVerdict,
} from '../../tokens/connection-token.verifier.js';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { LOGGER } from '../../logging/logger.js';
import { CloseCode } from '../../../protocol/close-code.js';
import { RedisHealth } from '../../store/redis/redis.health.js';
import type { Viewer } from '../../viewer/viewer.js';

/** Injection token of the verifiers, one per kind of token. */
export const TOKEN_VERIFIERS = Symbol('TOKEN_VERIFIERS');

const MAX_TOKEN_LENGTH = 4096;
/** Refusals after which only signing in again helps; after any other a new token does. */
const SIGN_IN_AGAIN: ReadonlySet<TokenRefusal> = new Set(['session-ended', 'account-gone']);

/** Whether a token opens (or keeps) a socket, and how the socket ends where it does not. */
export type Admission = TokenGrant | { readonly ok: false; readonly closeCode: CloseCode; readonly message: string };

const TRY_AGAIN_LATER: Admission = { ok: false, closeCode: CloseCode.TryAgainLater, message: 'Try again later' };

/**
 * The second door. Called with the `connection_init` payload, and with each refresh.
 * It verifies and decides; it writes nothing. A store that is away refuses with "try again later".
 */
@Injectable()
export class ConnectionGuard {
  constructor(
    @Inject(TOKEN_VERIFIERS) private readonly verifiers: readonly ConnectionTokenVerifier[],
    private readonly shops: ShopOrigins,
    private readonly redis: RedisHealth,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Decides on a token as it came from outside. Nobody is let in while no event could reach them. */
  async admit(token: unknown, facts: ConnectionFacts): Promise<Admission> {
    const admission = await this.#decide(token, facts);
    return admission.ok && !this.redis.isAvailable() ? TRY_AGAIN_LATER : admission;
  }

  /** Decides on a token that is to keep an open socket: the same person on the same session, or shop and customer. */
  async renew(token: unknown, facts: ConnectionFacts, viewer: Viewer): Promise<Admission> {
    const admission = await this.#decide(token, facts);
    if (!admission.ok || isSame(admission.viewer, viewer)) return admission;
    return this.#refuse('other-client', facts);
  }

  async #decide(token: unknown, facts: ConnectionFacts): Promise<Admission> {
    try {
      const verdict = await this.#verify(token, facts);
      return verdict.ok ? verdict : this.#refuse(verdict.reason, facts);
    } catch (error) {
      const away = error instanceof UnavailableError;
      this.logger[away ? 'warn' : 'error'](
        { address: facts.address, ...(away ? {} : { err: error }) },
        'token not verified: a store is away',
      );
      return TRY_AGAIN_LATER;
    }
  }

  async #verify(token: unknown, facts: ConnectionFacts): Promise<TokenVerdict> {
    if (token === undefined || token === null || token === '') return { ok: false, reason: 'missing' };
    if (typeof token !== 'string' || token.length > MAX_TOKEN_LENGTH) return { ok: false, reason: 'malformed' };
    const verifier = this.verifiers.find((candidate) => candidate.recognises(token));
    const verdict: TokenVerdict = (await verifier?.verify(token, facts)) ?? { ok: false, reason: 'malformed' };
    if (!verdict.ok || this.shops.admits(verdict.viewer, facts.origin)) return verdict;
    return { ok: false, reason: 'other-origin' };
  }

  #refuse(reason: TokenRefusal, facts: ConnectionFacts): Admission {
    this.logger.info(
      { event: 'socket-refused', reason, address: facts.address, origin: facts.origin },
      'socket refused',
    );
    const closeCode = SIGN_IN_AGAIN.has(reason) ? CloseCode.Unauthorized : CloseCode.Forbidden;
    return { ok: false, closeCode, message: closeCode === CloseCode.Unauthorized ? 'Session ended' : 'Forbidden' };
  }
}

function isSame(one: Viewer, other: Viewer): boolean {
  if (one.id !== other.id) return false;
  return one.kind === 'account' && other.kind === 'account' ? one.sessionId === other.sessionId : true;
}
