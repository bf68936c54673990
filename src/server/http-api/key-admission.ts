import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiKeyGuard, type Caller, type KeyPermission } from '../../identity/api-keys/api-key.guard.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { PublishRate } from '../../live/publish/publish-rate.js';

/** Admits requests of other backends before their bodies are read: a valid key within its limits, with a scope. */
@Injectable()
export class KeyAdmission {
  constructor(
    private readonly guard: ApiKeyGuard,
    private readonly rate: PublishRate,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Counts the request, also if the key lacks the scope or the request turns out to be malformed.
   *
   * @throws as {@link ApiKeyGuard.authenticate} and {@link ApiKeyGuard.authorize}; TooManyRequestsError when the key is
   * over its limits
   */
  async admit(request: FastifyRequest, reply: FastifyReply, permission: KeyPermission): Promise<Caller> {
    const caller = await this.guard.authenticate(request, reply);
    await this.withinLimits(caller, () => this.rate.spend(caller.key, 1));
    this.guard.authorize(request, caller, permission);
    return caller;
  }

  /** Runs what counts against a key's limits. A refusal is an event of the audit log. */
  withinLimits<T>({ key, address }: Caller, spend: () => T): Promise<T> {
    return this.audit.throttled('api-key-throttled', { address, name: key.name }, spend);
  }
}
