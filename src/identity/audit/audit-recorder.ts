import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { failureCode } from '../../live/store/postgres/postgres-failure.js';
import { AUDIT_CONFIG, type AuditConfig } from '../identity.config.js';
import { AuditMetrics } from './audit.metrics.js';
import { AuditStore, type TimedAuditRecord } from './audit.store.js';

/** How often events are written, in milliseconds, and how many in one statement. */
const WRITE_EVERY_MS = 250;
const BATCH = 500;
/** The most events that wait while the database is unavailable. */
const MAX_WAITING = 10_000;
const RETAIN_EVERY_MS = 10 * 60_000;
const RETAIN_BATCH = 5_000;

/** Stores audit events: in batches, apart from what caused them, which never waits or fails because of it. */
@Injectable()
export class AuditRecorder implements OnModuleInit, OnApplicationShutdown {
  #waiting: TimedAuditRecord[] = [];
  #leave: () => void = () => {};
  #timers: NodeJS.Timeout[] = [];
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;

  constructor(
    private readonly store: AuditStore,
    private readonly log: AuditLog,
    private readonly metrics: AuditMetrics,
    @Inject(AUDIT_CONFIG) private readonly config: AuditConfig,
  ) {}

  onModuleInit(): void {
    const uncount = this.log.count((event) => this.metrics.counted(event));
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

  /**
   * Writes all waiting events. While the database takes none they wait for the next time; one whose data it refuses is
   * dropped. Never throws.
   */
  flush(): Promise<void> {
    if (!this.#isWriting && this.#waiting.length > 0) {
      this.#isWriting = true;
      this.#writing = this.#write().finally(() => (this.#isWriting = false));
    }
    return this.#writing;
  }

  /** Removes events that are older than `AUDIT_RETENTION_DAYS`. Nodes share the work. Never throws. */
  async retain(): Promise<void> {
    try {
      while ((await this.store.removeOlderThan(this.config.retentionDays, RETAIN_BATCH)) === RETAIN_BATCH);
    } catch (error) {
      // The database reports its own outage; the next time removes more.
      if (!(error instanceof UnavailableError)) this.metrics.notRemoved(error);
    }
  }

  #take(event: TimedAuditRecord): void {
    this.#waiting.push(event);
    this.#dropSurplus();
  }

  #dropSurplus(): void {
    const surplus = Math.max(0, this.#waiting.length - MAX_WAITING);
    this.#waiting.splice(0, surplus);
    this.metrics.dropped(surplus);
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const left = await this.#store(this.#waiting.splice(0, BATCH));
      if (left.length === 0) continue;
      this.#waiting = [...left, ...this.#waiting];
      this.#dropSurplus();
      return;
    }
  }

  /** Stores events; returns those that must wait, because the database takes none. */
  async #store(batch: readonly TimedAuditRecord[]): Promise<readonly TimedAuditRecord[]> {
    try {
      await this.store.add(batch);
      this.metrics.stored();
      return [];
    } catch (error) {
      // An unavailable database reports that itself.
      if (error instanceof UnavailableError) return batch;
      if (!isAboutEvents(error)) {
        this.metrics.notStoring(error);
        return batch;
      }
      const [first, ...others] = batch;
      if (first && others.length === 0) {
        this.metrics.notStored(first.record.event, error);
        return [];
      }
    }
    // One event that is refused must not cost the others of its batch.
    const middle = Math.ceil(batch.length / 2);
    const [before, after] = [batch.slice(0, middle), batch.slice(middle)];
    const left = await this.#store(before);
    return left.length > 0 ? [...left, ...after] : this.#store(after);
  }
}

/** Whether other events could be stored: an error of the data (SQLSTATE classes 22 and 23), or one of our own. */
function isAboutEvents(error: unknown): boolean {
  const code = failureCode(error);
  return !/^[0-9A-Z]{5}$/.test(code) || /^2[23]/.test(code);
}
