import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { FeedRegistry } from '../feeds/feed.registry.js';
import { LOGGER } from '../logging/logger.js';
import {
  CHECK_FAILED,
  type CheckedEvent,
  checkEvent,
  type EventPublisher,
  VIEWER_CHECK,
  type ViewerCheck,
} from './published-event.js';

/** Checks events from outside against the registered feeds. */
@Injectable()
export class EventChecker {
  constructor(
    private readonly feeds: FeedRegistry,
    @Inject(VIEWER_CHECK) private readonly refuses: ViewerCheck,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Checks one event; see {@link checkEvent}. One that its feed cannot check is refused, so that it does not keep back
   * the others.
   *
   * @param facts about the event, for the log
   */
  check(event: unknown, publisher: EventPublisher, facts: object = {}): CheckedEvent {
    try {
      return checkEvent(event, publisher, this.feeds, this.refuses);
    } catch (error) {
      this.logger.error({ err: error, ...facts }, 'a feed failed to check an event');
      return { ok: false, error: { code: 'INTERNAL_SERVER_ERROR', message: CHECK_FAILED } };
    }
  }
}
