import { Injectable } from '@nestjs/common';
import { ApiKeyGuard } from '../../identity/api-keys/api-key.guard.js';
import { tokenSources } from '../../identity/api-keys/api-key-scopes.js';
import { ForbiddenError, TooManyRequestsError } from '../../live/errors/sallyport.errors.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { PublishRate } from '../../live/publish/publish-rate.js';
import type { RouteRule } from './route-rules.js';

/** The largest body, in bytes: a viewer and a session of the longest names. */
const MAX_BODY_BYTES = 8 * 1024;

/** What holds for an endpoint of other backends before its body is read: a live key within its limits, with a scope that allows it. */
@Injectable()
abstract class BackendRule implements RouteRule {
  readonly methods = ['POST'];
  readonly bodyLimitBytes = MAX_BODY_BYTES;
  abstract readonly path: string;
  /** The scope that a key needs, as the refusal names it. */
  protected abstract readonly needs: string;

  constructor(
    private readonly guard: ApiKeyGuard,
    private readonly rate: PublishRate,
    private readonly audit: AuditLog,
  ) {}

  protected abstract isAllowed(scopes: readonly string[]): boolean;

  readonly admit: RouteRule['admit'] = async (request, reply) => {
    void reply.header('Cache-Control', 'no-store');
    const key = await this.guard.admit(request);
    if (!this.isAllowed(key.scopes)) throw new ForbiddenError(`This key lacks the scope ${this.needs}.`);
    try {
      this.rate.spend(key, 1);
    } catch (error) {
      if (error instanceof TooManyRequestsError)
        this.audit.record('api-key-throttled', { name: key.name, reason: 'limit-of-key' });
      throw error;
    }
  };
}

/** The rule of `POST /tokens`. Whose source it is, is asked when the body is there. */
@Injectable()
export class TokensRule extends BackendRule {
  override readonly path = '/tokens';
  protected override readonly needs = 'tokens:<source>';

  protected override isAllowed(scopes: readonly string[]): boolean {
    return tokenSources(scopes).length > 0;
  }
}

/** The rule of `POST /disconnect`. */
@Injectable()
export class DisconnectRule extends BackendRule {
  override readonly path = '/disconnect';
  protected override readonly needs = 'disconnect';

  protected override isAllowed(scopes: readonly string[]): boolean {
    return scopes.includes('disconnect');
  }
}
