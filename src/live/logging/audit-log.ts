import type { Logger } from 'pino';

/** The audit log's events and their descriptions. docs/operations.md has the same table. */
export const AUDIT_EVENTS = {
  'sign-in': 'signed in: a session was opened',
  'sign-in-failed': 'a sign-in failed',
  'sign-in-throttled': 'a sign-in was refused before its password was verified',
  registered: 'an account was created',
  'registration-refused': 'an account was not created',
  'session-ended': 'a session ended',
  disconnected: 'another backend or an operator ended a session, or everything of a viewer',
  'password-changed': 'a password was changed',
  'password-refused': 'a signed-in user gave a wrong password, or too many',
  'account-deleted': 'an account was deleted',
  'account-disabled': 'an account was disabled',
  'account-enabled': 'an account was enabled',
  'invitation-created': 'an invitation was created',
  'invitation-revoked': 'an invitation was revoked',
  'api-key-created': 'an API key was created',
  'api-key-revoked': 'an API key was revoked',
  'api-key-refused': 'a request came with an invalid API key, or one without the scope for it or for one of its events',
  'api-key-throttled': 'an API key or its address is over its rate limit',
  'console-opened': 'an operator signed in to the console',
  'console-refused': 'a sign-in or a request to the console was refused',
  'console-closed': 'an operator signed out of the console',
  'console-looked-up': 'an operator looked a viewer up',
  'console-history-read': "an operator read the events of a viewer's topic",
  'console-published': 'an operator published an event',
  'customer-token-throttled': "a shop's customer asked for too many tokens",
  'logout-token-refused': 'a back-channel logout was refused',
  'socket-opened': 'a socket was admitted',
  'socket-refused': 'a socket was refused for its token',
} as const;

/** The name of an event. */
export type AuditEvent = keyof typeof AUDIT_EVENTS;

/** The fields of every event. Unknown or inapplicable fields are null. */
export interface AuditEntry {
  /** The viewer id that the event is about. */
  readonly viewer?: string | null;
  /** The client's address; null for an operator's command. */
  readonly address?: string | null;
  /** The reason, as a fixed word. */
  readonly reason?: string | null;
  /** The actor: `owner`, `operator`, `server`, `issuer`, `backend` or `stranger`. */
  readonly by?: AuditActor;
  /** The public id of a session. */
  readonly session?: string;
  /** The name of an API key, or the id of an invitation. */
  readonly name?: string;
  /** The name of the operator's key, for what was done in the console. */
  readonly operator?: string;
  /** The name of a topic. */
  readonly topic?: string;
  /** The `Origin` of a socket's upgrade, or of a refused request. */
  readonly origin?: string | null;
  /** A hash of the entered e-mail, to correlate lines about one account. */
  readonly subject?: string;
}

/** The actor of an event. */
export type AuditActor = 'owner' | 'operator' | 'server' | 'issuer' | 'backend' | 'stranger';

/**
 * Events that unauthenticated clients can cause without limit: a number of each is logged in ten seconds, the rest is
 * counted.
 */
const FLOODING: ReadonlySet<AuditEvent> = new Set<AuditEvent>([
  'sign-in-throttled',
  'registration-refused',
  'api-key-throttled',
  'console-refused',
  'customer-token-throttled',
  'logout-token-refused',
  'socket-opened',
  'socket-refused',
]);
const WINDOW_MS = 10_000;
const LINES_IN_A_WINDOW = 50;

/** An event as it is written: with the fields of {@link AuditEntry} that apply, and how many were dropped before it. */
export interface AuditRecord extends AuditEntry {
  readonly event: AuditEvent;
  readonly viewer: string | null;
  readonly address: string | null;
  readonly reason: string | null;
  readonly by: AuditActor;
  readonly unlogged?: number;
}

/** Receives each written event, synchronously; must not throw. */
export type AuditListener = (record: AuditRecord) => void;

interface Flood {
  endsAtMs: number;
  lines: number;
  unlogged: number;
}

/**
 * The audit log: one structured line per event, at `info`, in the normal log. It never contains a password, a cookie, a
 * token or a key. Attackers cannot decide how much is written: see {@link FLOODING}.
 */
export class AuditLog {
  readonly #floods = new Map<AuditEvent, Flood>();
  readonly #listeners = new Set<AuditListener>();

  constructor(private readonly logger: Logger) {}

  /** Adds a listener, which stores the events; the returned function removes it. */
  listen(listener: AuditListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Writes one event. Never throws. */
  record(event: AuditEvent, entry: AuditEntry): void {
    const record = this.#publish(event, entry);
    if (record) this.logger.info(record, AUDIT_EVENTS[event]);
  }

  /** As {@link record}, for an event whose line in the log is written by the caller. */
  store(event: AuditEvent, entry: AuditEntry): void {
    if (this.#listeners.size > 0) this.#publish(event, entry);
  }

  /** Null if the event is one too many. */
  #publish(event: AuditEvent, entry: AuditEntry): AuditRecord | null {
    const unlogged = FLOODING.has(event) ? this.#withhold(event) : 0;
    if (unlogged === null) return null;
    const { viewer = null, address = null, reason = null, by = 'stranger', ...details } = entry;
    const record = { event, viewer, address, reason, by, ...details, ...(unlogged > 0 ? { unlogged } : {}) };
    for (const listener of this.#listeners) listener(record);
    return record;
  }

  /** Null if the line must not be written, else the number of lines dropped before it. */
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
