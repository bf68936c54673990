import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { UnauthenticatedError } from '../errors/sallyport.errors.js';
import type { ApiKey } from './api-key.store.js';
import { ApiKeys } from './api-keys.service.js';

const BEARER = /^Bearer ([^\s]{1,200})$/i;
const admitted = new WeakMap<FastifyRequest, ApiKey>();

/** Lets a request pass whose `Authorization` is `Bearer <a live API key>` (RFC 6750 §2.1). */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(private readonly keys: ApiKeys) {}

  /**
   * @throws UnauthenticatedError for a missing, malformed, unknown or revoked key, all alike
   * @throws UnavailableError when the store of keys is away
   */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const [, text = ''] = BEARER.exec(request.headers.authorization ?? '') ?? [];
    const key = await this.keys.verify(text);
    if (!key) throw new UnauthenticatedError('Send a live API key: Authorization: Bearer sallyport_key_…');
    admitted.set(request, key);
    return true;
  }
}

/** The key that {@link ApiKeyGuard} has let in. */
export const CurrentApiKey = createParamDecorator((_: unknown, context: ExecutionContext): ApiKey => {
  const key = admitted.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (!key) throw new UnauthenticatedError();
  return key;
});
