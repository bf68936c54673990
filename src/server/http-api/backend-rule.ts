import { Injectable } from '@nestjs/common';
import type { KeyPermission } from '../../identity/api-keys/api-key.guard.js';
import type { RouteRule } from '../http/route-rules.js';
import { KeyAdmission } from './key-admission.js';

/** The largest body of an endpoint for other backends, in bytes: the longest viewer and session. */
const MAX_BODY_BYTES = 8 * 1024;

/**
 * The rule of an endpoint for other backends, applied before its body is read: a valid key within its limits, with the
 * required scope.
 */
@Injectable()
export abstract class BackendRule implements RouteRule {
  abstract readonly path: string;
  readonly methods: readonly string[] = ['POST'];
  readonly bodyLimitBytes = MAX_BODY_BYTES;
  protected abstract readonly permission: KeyPermission;

  constructor(private readonly admission: KeyAdmission) {}

  readonly admit: RouteRule['admit'] = async (request, reply) => {
    void reply.header('Cache-Control', 'no-store');
    await this.admission.admit(request, reply, this.permission);
  };
}

/** The rule of an endpoint that is read with GET. */
@Injectable()
export abstract class BackendQueryRule extends BackendRule {
  override readonly methods = ['GET', 'HEAD'];
}

/** Allows keys that have this scope. */
export function needs(scope: string): KeyPermission {
  return { scope, isAllowed: (scopes) => scopes.includes(scope) };
}
