import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../live/logging/audit-log.js';
import type { ViewerId } from '../../live/viewer/viewer.js';
import type { Operator } from './operator.js';
import { OperatorScopes } from './operator-scopes.js';
import { type ShownEvent, TopicLookUp } from './topic-look-up.js';

/** Reads events for an operator who may see what they hold. */
@Injectable()
export class TopicEventReader {
  constructor(
    private readonly scopes: OperatorScopes,
    private readonly topics: TopicLookUp,
    private readonly audit: AuditLog,
  ) {}

  /**
   * The newest events of a viewer's topic, newest first.
   *
   * @throws ForbiddenError without the scope `history`; NotFoundError when there is no such topic; UnavailableError
   */
  async read(operator: Operator, viewer: ViewerId, topic: unknown): Promise<readonly ShownEvent[]> {
    this.scopes.require(operator, 'history');
    const events = await this.topics.newest(viewer, topic);
    const { key, address } = operator;
    const who = { by: 'operator', operator: key.name, address } as const;
    this.audit.record('console-history-read', { viewer, topic: String(topic), ...who });
    return events;
  }
}
