import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { UnauthenticatedError } from '../errors/sallyport.errors.js';
import type { ApiKey } from './api-key.store.js';
import { ApiKeys } from './api-keys.service.js';

const BEARER = /^Bearer ([^\s]{1,200})$/i;
const admitted = new WeakMap<FastifyRequest, ApiKey>();

/**
 * Lets a request pass whose `Authorization` is `Bearer <a live API key>` (RFC 6750 §2.1). The key is verified by the
 * route's rule, before the body is read; as a guard of Nest it makes sure that this has happened.
 */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(private readonly keys: ApiKeys) {}

  /**
   * Called before the body is read.
   *
   * @throws UnauthenticatedError for a missing, malformed, unknown or revoked key, all alike
   * @throws UnavailableError when the store of keys is away
   */
  async admit(request: FastifyRequest): Promise<ApiKey> {
    const [, text = ''] = BEARER.exec(request.headers.authorization ?? '') ?? [];
    const key = await this.keys.verify(text);
    if (!key) throw new UnauthenticatedError('Send a live API key: Authorization: Bearer sallyport_key_…');
    admitted.set(request, key);
    return key;
  }

  canActivate(context: ExecutionContext): boolean {
    return admitted.has(context.switchToHttp().getRequest<FastifyRequest>());
  }
}

/** The key that {@link ApiKeyGuard} has let in. */
export const CurrentApiKey = createParamDecorator((_: unknown, context: ExecutionContext): ApiKey => {
  const key = admitted.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (!key) throw new UnauthenticatedError();
  return key;
});
