import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { UnauthenticatedError } from '../../live/errors/sallyport.errors.js';
import type { ApiKey } from './api-key.store.js';
import type { ApiKeyScope } from './api-key-scopes.js';
import { ApiKeyAttempts } from './api-key-attempts.js';
import { ApiKeys } from './api-keys.service.js';
import { HTTP_CONFIG, type HttpConfig } from '../identity.config.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { clientFacts } from '../../live/viewer/client-address.js';

/** What an endpoint requires of a key. */
export interface KeyPermission {
  /** The scope that a refusal names. */
  readonly scope: string;
  readonly isAllowed: (scopes: readonly ApiKeyScope[]) => boolean;
}

const BEARER = /^Bearer ([^\s]{1,200})$/i;
const admitted = new WeakMap<FastifyRequest, Caller>();

/** Who sent an admitted request. */
export interface Caller {
  readonly key: ApiKey;
  readonly address: string;
}

/**
 * Admits requests with `Authorization: Bearer <valid API key>` (RFC 6750 §2.1). The key is verified by the route's rule
 * before the body is read; the Nest guard ensures that this has happened.
 */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(
    private readonly attempts: ApiKeyAttempts,
    private readonly keys: ApiKeys,
    private readonly audit: AuditLog,
    @Inject(HTTP_CONFIG) private readonly http: HttpConfig,
  ) {}

  /**
   * Called before the body is read. Invalid keys are counted: see {@link ApiKeyAttempts}.
   *
   * @throws TooManyRequestsError for an address that has presented too many invalid keys
   * @throws UnauthenticatedError for a key that is missing, malformed, unknown, revoked, expired or used from an address
   * that it does not allow, without distinction: the audit log has the reason. The response gets the challenge
   * @throws UnavailableError when the store of keys is unavailable
   */
  async authenticate(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const [, text = ''] = BEARER.exec(request.headers.authorization ?? '') ?? [];
    const { address } = clientFacts(request.raw, this.http.trustedProxies);
    const verdict = await this.attempts.verify(text, address, 'wrongApiKey', 'api-key-throttled');
    if (!verdict.ok) {
      const { reason, name } = verdict;
      this.audit.record('api-key-refused', { address, reason, ...(name === undefined ? {} : { name }) });
      // RFC 9110 §15.5.2: without a challenge, some clients report a 401 as a malformed response.
      void reply.header('WWW-Authenticate', 'Bearer');
      throw new UnauthenticatedError('Send a valid API key: Authorization: Bearer sallyport_key_…');
    }
    return { key: verdict.key, address };
  }

  /**
   * Called with the caller of a request, before its body is read.
   *
   * @param permission what the endpoint requires of the key
   * @throws ForbiddenError when the key lacks the required scope
   */
  authorize(request: FastifyRequest, caller: Caller, { scope, isAllowed }: KeyPermission): void {
    if (!isAllowed(caller.key.scopes)) throw this.keys.outOfScope(caller.key, scope, caller.address);
    admitted.set(request, caller);
  }

  canActivate(context: ExecutionContext): boolean {
    return admitted.has(context.switchToHttp().getRequest<FastifyRequest>());
  }
}

/** The key that {@link ApiKeyGuard} has verified. */
export const CurrentApiKey = createParamDecorator((_: unknown, context: ExecutionContext) => callerIn(context).key);

/** The address that sent a request with a key. */
export const CallerAddress = createParamDecorator((_: unknown, context: ExecutionContext) => callerIn(context).address);

function callerIn(context: ExecutionContext): Caller {
  const caller = admitted.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (!caller) throw new UnauthenticatedError();
  return caller;
}
