import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { ApiKey } from '../../identity/api-keys/api-key.store.js';
import { ApiKeyAttempts } from '../../identity/api-keys/api-key-attempts.js';
import { keyFault } from '../../identity/api-keys/api-keys.service.js';
import { generateSessionSecret, sessionSecretHash } from '../../identity/sessions/session-cookie.js';
import { ForbiddenError, UnauthenticatedError } from '../../live/errors/sallyport.errors.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { parseAddressRanges } from '../../live/viewer/client-address.js';
import { CONSOLE_SESSION_SECONDS, ConsoleSessionStore } from './console-session.store.js';
import type { Operator } from './operator.js';

/** The scope that opens the console. */
export const CONSOLE_SCOPE = 'console';
/** A use is recorded again after this time, in milliseconds. */
const TOUCH_MS = 60_000;

/** A new session, with the secret for its cookie, which is not stored. */
interface OpenedConsoleSession {
  readonly operator: Operator;
  readonly secret: string;
}

/** Opens, finds and ends the sessions of the console. */
@Injectable()
export class ConsoleSessions {
  constructor(
    private readonly attempts: ApiKeyAttempts,
    private readonly store: ConsoleSessionStore,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Exchanges an API key for a session. The secret is always new, and the session that the request presented ends.
   *
   * @param text the key as it was typed
   * @param address the client's, for the rate limit and for keys that are restricted to addresses
   * @param presented the secret in the request's cookie; null without one
   * @throws UnauthenticatedError for a key that is not valid, without distinction: the audit log has the reason
   * @throws ForbiddenError for a valid key without the scope `console`
   * @throws TooManyRequestsError for an address with too many wrong keys; UnavailableError
   */
  async open(text: string, address: string, presented: string | null): Promise<OpenedConsoleSession> {
    const verdict = await this.attempts.verify(text, address, 'wrongConsoleKey', 'console-refused');
    if (!verdict.ok) throw this.#refused(address, verdict.reason, verdict.name);
    const { key } = verdict;
    if (!mayOpen(key)) {
      this.#record(address, 'out-of-scope', key.name);
      throw new ForbiddenError(`This key lacks the scope ${CONSOLE_SCOPE}.`);
    }
    const [id, secret] = [randomUUID(), generateSessionSecret()];
    const opened = await this.store.open(
      { id, secretHash: sessionSecretHash(secret), keyId: key.id },
      presented === null ? null : sessionSecretHash(presented),
    );
    if (opened === null) throw this.#refused(address, 'unknown-or-revoked');
    const { openedAt, ended } = opened;
    if (ended) {
      // The presented session may be another key's, because several operators may sign in with one browser.
      const who = { by: 'operator', operator: ended.keyName, address } as const;
      this.audit.record('console-closed', { ...who, session: ended.id, reason: 'new-sign-in' });
    }
    this.audit.record('console-opened', { by: 'operator', operator: key.name, address, session: id });
    return { secret, operator: { sessionId: id, key, address, endsAt: endOf(openedAt) } };
  }

  /**
   * The operator of a cookie; null if the session has ended, or its key was revoked, has expired, lost its scope, or may
   * not be used from this address. The audit log has the last three.
   *
   * @param isUse whether the request counts as use: background requests do not
   * @throws UnavailableError when the database is unavailable
   */
  async find(secret: string, address: string, isUse: boolean): Promise<Operator | null> {
    const session = await this.store.find(sessionSecretHash(secret));
    if (!session) return null;
    const { id, key, createdAt, lastUsedAt } = session;
    const fault = faultOf(key, address);
    if (fault) {
      this.#record(address, fault, key.name);
      return null;
    }
    if (isUse && Date.now() - lastUsedAt.getTime() > TOUCH_MS) await this.store.touch(id);
    return { sessionId: id, key, address, endsAt: endOf(createdAt) };
  }

  /** Ends a session at its operator's wish. */
  async end({ sessionId, key, address }: Operator): Promise<void> {
    await this.store.end(sessionId);
    this.audit.record('console-closed', { by: 'operator', operator: key.name, address, session: sessionId });
  }

  #refused(address: string, reason: string, name?: string): UnauthenticatedError {
    this.#record(address, reason, name);
    return new UnauthenticatedError('This is not a valid key for the console.');
  }

  #record(address: string, reason: string, name?: string): void {
    this.audit.record('console-refused', { address, reason, ...(name === undefined ? {} : { name }) });
  }
}

function mayOpen({ scopes }: ApiKey): boolean {
  return scopes.includes(CONSOLE_SCOPE);
}

/** Why a session's key may not be used now from this address, in the words of a sign-in; null if it may. */
function faultOf(key: ApiKey, address: string): 'expired' | 'other-address' | 'out-of-scope' | null {
  const ranges = key.addresses && parseAddressRanges(key.addresses);
  return keyFault(key, ranges, address) ?? (mayOpen(key) ? null : 'out-of-scope');
}

function endOf(openedAt: Date): Date {
  return new Date(openedAt.getTime() + CONSOLE_SESSION_SECONDS * 1000);
}
