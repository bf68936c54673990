import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { TooManyRequestsError, UnauthenticatedError } from '../../live/errors/sallyport.errors.js';
import type { ApiKey } from './api-key.store.js';
import { ApiKeys } from './api-keys.service.js';
import { isApiKey } from './api-key.js';
import { FailureRateLimit } from '../../live/rate-limit/failure.rate-limit.js';
import { HTTP_CONFIG, type HttpConfig } from '../identity.config.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { clientFacts } from '../../live/viewer/client-address.js';

const BEARER = /^Bearer ([^\s]{1,200})$/i;
const admitted = new WeakMap<FastifyRequest, ApiKey>();

/**
 * Admits requests with `Authorization: Bearer <valid API key>` (RFC 6750 §2.1). The key is verified by the route's rule
 * before the body is read; the Nest guard ensures that this has happened.
 */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(
    private readonly keys: ApiKeys,
    private readonly failures: FailureRateLimit,
    private readonly audit: AuditLog,
    @Inject(HTTP_CONFIG) private readonly http: HttpConfig,
  ) {}

  /**
   * Called before the body is read. Wrong keys are counted per address; a key that was recently valid on this node is
   * not, so that other clients at the same address cannot block a backend.
   *
   * @throws TooManyRequestsError for an address that has presented too many wrong keys
   * @throws UnauthenticatedError for a missing, malformed, unknown or revoked key, without distinction
   * @throws UnavailableError when the store of keys is unavailable
   */
  async admit(request: FastifyRequest): Promise<ApiKey> {
    const [, text = ''] = BEARER.exec(request.headers.authorization ?? '') ?? [];
    const { address } = clientFacts(request.raw, this.http.trustedProxies);
    const key = await this.#verify(text, address);
    if (!key) this.audit.record('api-key-refused', { address, reason: whyRefused(text) });
    if (!key) throw new UnauthenticatedError('Send a valid API key: Authorization: Bearer sallyport_key_…');
    admitted.set(request, key);
    return key;
  }

  async #verify(text: string, address: string): Promise<ApiKey | null> {
    const verify = () => this.keys.verify(text);
    if (this.keys.wasRight(text)) return verify();
    try {
      return await this.failures.attempt(
        'wrongApiKey',
        address,
        verify,
        (outcome) => 'value' in outcome && !outcome.value,
      );
    } catch (error) {
      if (error instanceof TooManyRequestsError)
        this.audit.record('api-key-throttled', { address, reason: 'limit-of-address' });
      throw error;
    }
  }

  canActivate(context: ExecutionContext): boolean {
    return admitted.has(context.switchToHttp().getRequest<FastifyRequest>());
  }
}

function whyRefused(text: string): string {
  if (text === '') return 'missing';
  return isApiKey(text) ? 'unknown-or-revoked' : 'malformed';
}

/** The key that {@link ApiKeyGuard} has verified. */
export const CurrentApiKey = createParamDecorator((_: unknown, context: ExecutionContext): ApiKey => {
  const key = admitted.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (!key) throw new UnauthenticatedError();
  return key;
});
