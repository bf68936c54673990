import type { Logger } from 'pino';

/** What the audit log tells of, and in which words. docs/operations.md prints this table. */
export const AUDIT_EVENTS = {
  'sign-in': 'signed in: a session was opened',
  'sign-in-failed': 'a sign-in failed',
  'sign-in-throttled': 'a sign-in was refused before its password was verified',
  registered: 'an account was created',
  'registration-refused': 'an account was not created',
  'session-ended': 'a session ended',
  disconnected: 'another backend ended a session, or everything of a viewer',
  'password-changed': 'a password was changed',
  'password-refused': 'a signed-in user gave a wrong password, or too many',
  'account-deleted': 'an account was deleted',
  'account-disabled': 'an account was disabled',
  'account-enabled': 'an account was enabled',
  'invitation-created': 'an invitation was created',
  'invitation-revoked': 'an invitation was revoked',
  'api-key-created': 'an API key was created',
  'api-key-revoked': 'an API key was revoked',
  'api-key-refused': 'a request came with an invalid API key',
  'api-key-throttled': 'an API key or its address is over its rate limit',
  'customer-token-throttled': "a shop's customer asked for too many tokens",
} as const;

/** The name of an event. */
export type AuditEvent = keyof typeof AUDIT_EVENTS;

/** The one shape of every event. What is not known, or does not apply, is null. */
export interface AuditEntry {
  /** Whom it is about: a viewer id. */
  readonly viewer?: string | null;
  /** Where it came from: the client's address; null for an operator's command. */
  readonly address?: string | null;
  /** Why, as a fixed word. */
  readonly reason?: string | null;
  /** Who did it: `owner`, `operator`, `server`, `issuer`, `backend` or `stranger`. */
  readonly by?: AuditActor;
  /** The public id of a session. */
  readonly session?: string;
  /** The name of an API key, or the id of an invitation. */
  readonly name?: string;
  /** A hash of the e-mail that was typed, which tells lines about one account from others. */
  readonly subject?: string;
}

/** Who did something. */
export type AuditActor = 'owner' | 'operator' | 'server' | 'issuer' | 'backend' | 'stranger';

/** Events that anyone can cause without limit: each is logged so many times in ten seconds, and the rest is counted. */
const FLOODING: ReadonlySet<AuditEvent> = new Set<AuditEvent>([
  'sign-in-throttled',
  'registration-refused',
  'api-key-throttled',
  'customer-token-throttled',
]);
const WINDOW_MS = 10_000;
const LINES_IN_A_WINDOW = 50;

interface Flood {
  endsAtMs: number;
  lines: number;
  unlogged: number;
}

/**
 * The trail of who did what: one structured line an event, at `info`, beside the other logs. It never holds a password, a
 * cookie, a token or a key. Attackers do not choose how much is written: see {@link FLOODING}.
 */
export class AuditLog {
  readonly #floods = new Map<AuditEvent, Flood>();

  constructor(private readonly logger: Logger) {}

  /** Writes one event. Never throws. */
  record(event: AuditEvent, entry: AuditEntry): void {
    const unlogged = FLOODING.has(event) ? this.#withhold(event) : 0;
    if (unlogged === null) return;
    const { viewer = null, address = null, reason = null, by = 'stranger', ...details } = entry;
    const line = { event, viewer, address, reason, by, ...details, ...(unlogged > 0 ? { unlogged } : {}) };
    this.logger.info(line, AUDIT_EVENTS[event]);
  }

  /** Null where the line is not to be written, else how many were not written before it. */
  #withhold(event: AuditEvent): number | null {
    const nowMs = performance.now();
    const flood = this.#floods.get(event);
    if (!flood || flood.endsAtMs <= nowMs) {
      this.#floods.set(event, { endsAtMs: nowMs + WINDOW_MS, lines: 1, unlogged: 0 });
      return flood?.unlogged ?? 0;
    }
    flood.lines += 1;
    if (flood.lines <= LINES_IN_A_WINDOW) return 0;
    flood.unlogged += 1;
    return null;
  }
}
