import type { OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { TooManyRequestsError } from '../errors/sallyport.errors.js';
import { Flood } from './flood.js';

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
  'password-refused': 'a wrong password for a signed-in account, or too many attempts',
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
  'console-closed': 'an operator signed out of the console, or in again',
  'console-looked-up': 'an operator looked a viewer up',
  'console-history-read': "an operator read the events of a viewer's topic",
  'console-published': 'an operator published an event',
  'token-throttled': 'too many tokens were asked for from one address',
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
  /** The client's address; null for an operator's command and for what the server does itself. */
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

/** Events that unauthenticated clients can cause without limit: see {@link Flood}. All are counted. */
const FLOODING: readonly AuditEvent[] = [
  'sign-in-throttled',
  'registration-refused',
  'api-key-refused',
  'api-key-throttled',
  'console-refused',
  'token-throttled',
  'customer-token-throttled',
  'logout-token-refused',
  'socket-opened',
  'socket-refused',
];

/** An event as it is written: with the fields of {@link AuditEntry} that apply, and how many were dropped before it. */
export interface AuditRecord extends AuditEntry {
  readonly event: AuditEvent;
  readonly viewer: string | null;
  readonly address: string | null;
  readonly reason: string | null;
  readonly by: AuditActor;
  readonly unlogged?: number;
}

/** Receives each written event and when it happened, synchronously; must not throw. */
export type AuditListener = (record: AuditRecord, at: Date) => void;

/** Receives the name of each event, also of those that are not written, synchronously; must not throw. */
export type AuditCounter = (event: AuditEvent) => void;

/** An event that is to be written. */
interface Occurrence {
  readonly event: AuditEvent;
  readonly entry: AuditEntry;
  readonly at: Date;
  readonly isLogged: boolean;
}

/**
 * The audit log: one structured line per event, at `info`, in the normal log. It never contains a password, a cookie, a
 * token or a key. Attackers cannot decide how much is written: see {@link FLOODING}.
 */
export class AuditLog implements OnApplicationShutdown {
  readonly #floods: ReadonlyMap<AuditEvent, Flood<Occurrence>>;
  readonly #listeners = new Set<AuditListener>();
  readonly #counters = new Set<AuditCounter>();

  constructor(private readonly logger: Logger) {
    const write = (newest: Occurrence, unlogged: number): void => this.#write(newest, unlogged);
    this.#floods = new Map(FLOODING.map((event) => [event, new Flood(write)]));
  }

  /** Adds a listener, which stores the events; the returned function removes it. */
  listen(listener: AuditListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Adds a counter; the returned function removes it. */
  count(counter: AuditCounter): () => void {
    this.#counters.add(counter);
    return () => void this.#counters.delete(counter);
  }

  /** Writes one event. Never throws. */
  record(event: AuditEvent, entry: AuditEntry): void {
    this.#take({ event, entry, at: new Date(), isLogged: true });
  }

  /** As {@link record}, for an event whose line in the log is written by the caller. */
  store(event: AuditEvent, entry: AuditEntry): void {
    this.#take({ event, entry, at: new Date(), isLogged: false });
  }

  /**
   * Runs what a rate limit may refuse, and records a refusal, with the limit as its reason.
   *
   * @throws what `run` throws
   */
  async throttled<T>(event: AuditEvent, entry: AuditEntry, run: () => T | Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof TooManyRequestsError) this.record(event, { ...entry, reason: limitOf(error) });
      throw error;
    }
  }

  /** Writes the events that wait for the end of a flood. */
  flush(): void {
    for (const flood of this.#floods.values()) flood.end();
  }

  onApplicationShutdown(): void {
    this.flush();
  }

  #take(occurrence: Occurrence): void {
    const { event, isLogged } = occurrence;
    for (const counter of this.#counters) counter(event);
    if (!isLogged && this.#listeners.size === 0) return;
    const flood = this.#floods.get(event);
    if (flood) flood.take(occurrence);
    else this.#write(occurrence, 0);
  }

  #write({ event, entry, at, isLogged }: Occurrence, unlogged: number): void {
    const { viewer = null, address = null, reason = null, by = 'stranger', ...details } = entry;
    const record = { event, viewer, address, reason, by, ...details, ...(unlogged > 0 ? { unlogged } : {}) };
    for (const listener of this.#listeners) listener(record, at);
    if (isLogged) this.logger.info(record, AUDIT_EVENTS[event]);
  }
}

/** The reason of an event about a rate limit, such as `limit-of-address`. */
export function limitOf({ limit }: TooManyRequestsError): string {
  return `limit-of-${limit ?? 'address'}`;
}
