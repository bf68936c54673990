import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { ApiKey } from '../../identity/api-keys/api-key.store.js';
import { UnauthenticatedError } from '../../live/errors/sallyport.errors.js';

/** Who uses the console: the holder of an API key with the scope `console`, in one session. */
export interface Operator {
  /** The public id of the console session. */
  readonly sessionId: string;
  /** The key that opened the session; its scopes say what the operator may do. */
  readonly key: ApiKey;
  /** When the session ends, however much it is used. */
  readonly endsAt: Date;
  /** The client's address, for the audit log. */
  readonly address: string;
}

const operators = new WeakMap<FastifyRequest, Operator>();

/** Called by the route's rule, before the body is read. */
export function admitOperator(request: FastifyRequest, operator: Operator): void {
  operators.set(request, operator);
}

/** The operator that the route's rule has admitted. Throws `UNAUTHENTICATED` on a route without the rule. */
export const CurrentOperator = createParamDecorator((_: unknown, context: ExecutionContext): Operator => {
  const operator = operators.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (!operator) throw new UnauthenticatedError('Sign in to the console.');
  return operator;
});
