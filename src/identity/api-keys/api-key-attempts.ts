import { Injectable } from '@nestjs/common';
import { type AuditEvent, AuditLog } from '../../live/logging/audit-log.js';
import { FailureRateLimit, type FallibleAttempt } from '../../live/rate-limit/failure.rate-limit.js';
import { ApiKeys, type ApiKeyVerdict } from './api-keys.service.js';

/** Verifies the keys that clients present, and limits how many invalid ones an address may try. */
@Injectable()
export class ApiKeyAttempts {
  constructor(
    private readonly keys: ApiKeys,
    private readonly failures: FailureRateLimit,
    private readonly audit: AuditLog,
  ) {}

  /**
   * {@link ApiKeys.verify}, counted per address. A key that was recently valid on this node is not counted, so that other
   * clients at the same address cannot block a backend.
   *
   * @param kind the limit that an invalid key counts towards
   * @param event the event of the audit log when the address is over this limit
   * @throws TooManyRequestsError when the address is over the limit; UnavailableError as {@link ApiKeys.verify}
   */
  async verify(text: string, address: string, kind: FallibleAttempt, event: AuditEvent): Promise<ApiKeyVerdict> {
    const verify = (): Promise<ApiKeyVerdict> => this.keys.verify(text, address);
    if (this.keys.wasValid(text, address)) return verify();
    return this.audit.throttled(event, { address }, () => this.failures.attempt(kind, address, verify, isInvalid));
  }
}

function isInvalid(outcome: { readonly value: ApiKeyVerdict } | object): boolean {
  return 'value' in outcome && !outcome.value.ok;
}
