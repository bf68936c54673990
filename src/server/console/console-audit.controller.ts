import { Controller, Get, Inject, Query } from '@nestjs/common';
import { AuditStore, type StoredAuditEvent } from '../../identity/audit/audit.store.js';
import { AUDIT_CONFIG, type AuditConfig } from '../../identity/identity.config.js';
import { BadUserInputError } from '../../live/errors/sallyport.errors.js';
import { AUDIT_EVENTS } from '../../live/logging/audit-log.js';
import { QueryParameters, viewerIn } from '../http-api/query-parameters.js';
import { CONSOLE_API } from './console.rules.js';

const EVENTS_AT_A_TIME = 100;

/** One page of audit events. */
interface AuditAnswer {
  /** Newest first. */
  readonly events: readonly StoredAuditEvent[];
  /** Ask for what comes before this id; null on the last page. */
  readonly next: number | null;
  /** How long events are stored; 0: not at all. */
  readonly retentionDays: number;
  /** The names of all events. */
  readonly names: readonly string[];
}

/** The audit log, newest first. */
@Controller(CONSOLE_API)
export class ConsoleAuditController {
  constructor(
    private readonly store: AuditStore,
    @Inject(AUDIT_CONFIG) private readonly config: AuditConfig,
  ) {}

  @Get('/audit')
  async page(@Query() query: unknown): Promise<AuditAnswer> {
    const parameters = new QueryParameters(query, ['event', 'viewer', 'before']);
    const [event, viewer] = [parameters.optional('event'), parameters.optional('viewer')];
    if (event !== undefined && !Object.hasOwn(AUDIT_EVENTS, event))
      throw new BadUserInputError('event', 'There is no such event.');
    const before = idIn(parameters.optional('before'));
    const found = await this.store.newest({
      limit: EVENTS_AT_A_TIME,
      ...(event !== undefined && { event }),
      ...(viewer !== undefined && { viewer: viewerIn(viewer) }),
      ...(before !== null && { beforeId: before }),
    });
    return {
      events: found.toReversed(),
      next: found.length < EVENTS_AT_A_TIME ? null : (found[0]?.id ?? null),
      retentionDays: this.config.retentionDays,
      names: Object.keys(AUDIT_EVENTS),
    };
  }
}

function idIn(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new BadUserInputError('before', 'before must be the id of an event.');
}
