import { Body, Controller, HttpCode, HttpStatus, Inject, Post, Req, Injectable } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import {
  BackchannelLogout,
  type LogoutOutcome,
  type LogoutRefusal,
} from '../../identity/issuers/backchannel-logout.service.js';
import { BadUserInputError, HttpRefusalError } from '../../live/errors/sallyport.errors.js';
import { HTTP_CONFIG, type HttpConfig } from '../../identity/identity.config.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { FailureRateLimit } from '../../live/rate-limit/failure.rate-limit.js';
import { type AddressRange, clientFacts } from '../../live/viewer/client-address.js';
import type { RouteRule } from '../http/route-rules.js';

const MESSAGES: Readonly<Record<LogoutRefusal, string>> = {
  malformed: 'logout_token must be a signed JWT.',
  invalid: 'logout_token is of no trusted issuer, or its signature, audience or times are wrong.',
  expired: 'logout_token has expired.',
  'no-logout': 'logout_token must hold events, jti and sub or sid, and no nonce.',
  used: 'logout_token was used before.',
};

/** `POST /oidc/backchannel-logout`: called by a trusted issuer when a user signs out there. */
@Controller()
export class BackchannelLogoutController {
  readonly #trusted: readonly AddressRange[];

  constructor(
    private readonly logout: BackchannelLogout,
    private readonly failures: FailureRateLimit,
    private readonly audit: AuditLog,
    @Inject(HTTP_CONFIG) http: HttpConfig,
  ) {
    this.#trusted = http.trustedProxies;
  }

  /** Answers 200 without a body, when the sockets have closed on every reachable node, or 400. */
  @Post('/oidc/backchannel-logout')
  @HttpCode(HttpStatus.OK)
  @RouteConfig({ readsForms: true })
  async end(@Req() request: FastifyRequest, @Body() body: unknown): Promise<void> {
    const { address } = clientFacts(request.raw, this.#trusted);
    const outcome = await this.#carryOut(tokenIn(body), address);
    if (!outcome.ok) throw new BadUserInputError('logout_token', MESSAGES[outcome.reason]);
  }

  #carryOut(token: string, address: string): Promise<LogoutOutcome> {
    const carryOut = () => this.logout.carryOut(token, address);
    const isFailure = (one: { value: LogoutOutcome } | object): boolean => 'value' in one && !one.value.ok;
    return this.audit.throttled('logout-token-refused', { address }, () =>
      this.failures.attempt('badLogoutToken', address, carryOut, isFailure),
    );
  }
}

/** A form with the field twice counts as one without it. */
function tokenIn(body: unknown): string {
  const token: unknown = typeof body === 'object' && body !== null && 'logout_token' in body ? body.logout_token : '';
  return typeof token === 'string' ? token : '';
}

/** The size of a form with the longest logout token, in bytes. */
const MAX_BODY_BYTES = 20 * 1024;
const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** The rule of `POST /oidc/backchannel-logout`, applied before its body is read (Back-Channel Logout 1.0 §2.5). */
@Injectable()
export class BackchannelLogoutRule implements RouteRule {
  readonly path = '/oidc/backchannel-logout';
  readonly methods = ['POST'];
  readonly bodyLimitBytes = MAX_BODY_BYTES;

  readonly admit: RouteRule['admit'] = ({ headers }, reply) => {
    void reply.header('Cache-Control', 'no-store');
    if (!FORM.test(headers['content-type'] ?? ''))
      throw new HttpRefusalError(415, 'Send a form, application/x-www-form-urlencoded, with logout_token.');
  };
}
