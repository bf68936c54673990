import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import { AUDIT_EVENTS, type AuditEvent, AuditLog } from '../../live/logging/audit-log.js';
import { AUDIT_CONFIG, type AuditConfig } from '../identity.config.js';
import { AuditStore, type TimedAuditRecord } from './audit.store.js';

/** How often events are written, in milliseconds, and how many in one statement. */
const WRITE_EVERY_MS = 250;
const BATCH = 500;
/** The most events that wait while the database is unavailable. */
const MAX_WAITING = 10_000;
const RETAIN_EVERY_MS = 10 * 60_000;
const RETAIN_BATCH = 5_000;
const DAY_MS = 86_400_000;

/** Stores audit events: in batches, apart from what caused them, which never waits or fails because of it. */
@Injectable()
export class AuditRecorder implements OnModuleInit, OnApplicationShutdown {
  #waiting: TimedAuditRecord[] = [];
  #leave: () => void = () => {};
  #timers: NodeJS.Timeout[] = [];
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;
  readonly #counted: Counter<'event'>;
  readonly #dropped: Counter;

  constructor(
    private readonly store: AuditStore,
    private readonly log: AuditLog,
    @Inject(AUDIT_CONFIG) private readonly config: AuditConfig,
    registry: Registry,
  ) {
    this.#counted = new Counter({
      name: 'sallyport_audit_events_total',
      help: 'Audit events on this node, by event.',
      labelNames: ['event'],
      registers: [registry],
    });
    this.#dropped = new Counter({
      name: 'sallyport_audit_events_dropped_total',
      help: 'Audit events that were logged but not stored, because the database was unavailable for too long.',
      registers: [registry],
    });
    // The first of each must be an increase for Prometheus too.
    for (const event of Object.keys(AUDIT_EVENTS) as AuditEvent[]) this.#counted.inc({ event }, 0);
  }

  onModuleInit(): void {
    const uncount = this.log.count((event) => this.#counted.inc({ event }));
    if (this.config.retentionDays === 0) {
      this.#leave = uncount;
      return;
    }
    const unlisten = this.log.listen((record, at) => this.#take({ at, record }));
    this.#leave = () => (uncount(), unlisten());
    const write = setInterval(() => void this.flush(), WRITE_EVERY_MS).unref();
    const retain = setInterval(() => void this.retain(), RETAIN_EVERY_MS).unref();
    this.#timers = [write, retain];
  }

  /** Writes what waits, when no request is running any more and while the database is still open. */
  async onApplicationShutdown(): Promise<void> {
    this.log.flush();
    this.#leave();
    for (const timer of this.#timers) clearInterval(timer);
    await this.flush();
  }

  /** Writes all waiting events. Those that could not be written wait for the next time. Never throws. */
  flush(): Promise<void> {
    if (!this.#isWriting && this.#waiting.length > 0) {
      this.#isWriting = true;
      this.#writing = this.#write().finally(() => (this.#isWriting = false));
    }
    return this.#writing;
  }

  /** Removes events that are older than `AUDIT_RETENTION_DAYS`. Nodes share the work. Never throws. */
  async retain(): Promise<void> {
    const oldest = new Date(Date.now() - this.config.retentionDays * DAY_MS);
    try {
      while ((await this.store.removeBefore(oldest, RETAIN_BATCH)) === RETAIN_BATCH);
    } catch {
      // The database reports its own outage; the next time removes more.
    }
  }

  #take(event: TimedAuditRecord): void {
    this.#waiting.push(event);
    if (this.#waiting.length <= MAX_WAITING) return;
    this.#waiting.shift();
    this.#dropped.inc();
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        await this.store.add(batch);
      } catch {
        // The database reports its own outage.
        this.#waiting = [...batch, ...this.#waiting];
        return;
      }
    }
  }
}
