import { Injectable } from '@nestjs/common';
import { ApiKeys } from '../../identity/api-keys/api-keys.service.js';
import type { Operator } from './operator.js';

/**
 * What an operator may do besides looking: each action requires the scope that a backend needs for the same, so that a
 * key for the console can be one for looking only.
 */
@Injectable()
export class OperatorScopes {
  constructor(private readonly keys: ApiKeys) {}

  /** @throws ForbiddenError, which the audit log has, when the operator's key lacks the scope */
  require({ key, address }: Operator, scope: string): void {
    if (!key.scopes.includes(scope)) throw this.keys.outOfScope(key, scope, address);
  }
}
