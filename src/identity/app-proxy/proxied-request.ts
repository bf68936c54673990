import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { ProxyVisit } from './signature/proxy-visit.js';
import type { BoundClient } from './token/client-binder.js';

/** A verified visit, and the client on whose behalf the shop's proxy called. */
export interface Visitor extends ProxyVisit {
  readonly client: BoundClient;
}

const visitors = new WeakMap<FastifyRequest, Visitor>();

/** Stores what the guard has verified for a request, where no header or parameter can change it. */
export function admitVisitor(request: FastifyRequest, visitor: Visitor): void {
  visitors.set(request, visitor);
}

/** The visitor whom {@link AppProxyGuard} has verified. Throws on a route without that guard. */
export const CurrentVisitor = createParamDecorator((_: unknown, context: ExecutionContext): Visitor => {
  const visitor = visitors.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (!visitor) throw new Error('This route needs AppProxyGuard.');
  return visitor;
});
