import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { Counter, Registry } from 'prom-client';
import { AUDIT_EVENTS, type AuditEvent } from '../../live/logging/audit-log.js';
import { LOGGER } from '../../live/logging/logger.js';

/** Metrics and log lines about the storing of audit events. */
@Injectable()
export class AuditMetrics {
  readonly #counted: Counter<'event'>;
  readonly #dropped: Counter;
  /** Whether the last write has failed, and was logged. */
  #isFailing = false;

  constructor(
    registry: Registry,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#counted = new Counter({
      name: 'sallyport_audit_events_total',
      help: 'Audit events on this node, by event.',
      labelNames: ['event'],
      registers: [registry],
    });
    this.#dropped = new Counter({
      name: 'sallyport_audit_events_dropped_total',
      help: 'Audit events that were logged but not stored: the database was unavailable for too long, or refused them.',
      registers: [registry],
    });
    // The first of each must be an increase for Prometheus too.
    for (const event of Object.keys(AUDIT_EVENTS) as AuditEvent[]) this.#counted.inc({ event }, 0);
  }

  /** An event happened. */
  counted(event: AuditEvent): void {
    this.#counted.inc({ event });
  }

  /** Events were dropped, because too many waited for the database. */
  dropped(count: number): void {
    this.#dropped.inc(count);
  }

  /** The database refused an event: it is dropped. */
  notStored(event: AuditEvent, error: unknown): void {
    this.#dropped.inc();
    this.logger.error({ event, err: error }, 'an audit event could not be stored');
  }

  /** Events were stored. */
  stored(): void {
    this.#isFailing = false;
  }

  /** The database takes no events, though it is available: they wait. Logged once until it takes some. */
  notStoring(error: unknown): void {
    if (!this.#isFailing) this.logger.error({ err: error }, 'audit events cannot be stored: they wait');
    this.#isFailing = true;
  }

  /** Old events could not be removed. */
  notRemoved(error: unknown): void {
    this.logger.error({ err: error }, 'old audit events could not be removed');
  }
}
