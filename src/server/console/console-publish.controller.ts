import { Body, Controller, Get, HttpCode, HttpStatus, Injectable, Post } from '@nestjs/common';
import { publisherOf } from '../../identity/api-keys/api-key.js';
import { mayPublish } from '../../identity/api-keys/api-key-scopes.js';
import { ApiKeys } from '../../identity/api-keys/api-keys.service.js';
import { BadUserInputError, NotFoundError, UnavailableError } from '../../live/errors/sallyport.errors.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import type { EventError } from '../../live/publish/published-event.js';
import { Publisher } from '../../live/publish/publisher.service.js';
import { parseViewerId } from '../../live/viewer/viewer.js';
import { fieldsOf } from '../http-api/body-fields.js';
import { CONSOLE_API } from './console.rules.js';
import { FeedForms, type FeedFormsAnswer } from './feed-forms.js';
import { CurrentOperator, type Operator } from './operator.js';

/** Publishes one event for an operator, with the checks of `POST /publish`. */
@Injectable()
export class ConsolePublisher {
  constructor(
    private readonly publisher: Publisher,
    private readonly keys: ApiKeys,
    private readonly audit: AuditLog,
  ) {}

  /**
   * @param event `topic`, `viewer`, `payload` and perhaps `key`, not yet checked
   * @returns the cursor of the event
   * @throws ForbiddenError without the scope for the topic; BadUserInputError naming the field, such as `payload.title`;
   * NotFoundError for another topic; UnavailableError
   */
  async publish({ key, address }: Operator, event: Readonly<Record<string, unknown>>): Promise<string> {
    const { topic, viewer } = event;
    const { results } = await this.publisher.publish([event], publisherOf(key));
    const [result] = results;
    if (!result) throw new UnavailableError();
    if ('error' in result) {
      if (result.error.code === 'FORBIDDEN') throw this.keys.outOfScope(key, `publish:${String(topic)}`, address);
      throw refusalOf(result.error);
    }
    const what = { viewer: parseViewerId(viewer), topic: String(topic) };
    this.audit.record('console-published', { ...what, address, by: 'operator', operator: key.name });
    return result.cursor;
  }
}

function refusalOf({ code, message }: EventError): Error {
  if (code === 'NOT_FOUND') return new NotFoundError(message);
  if (code === 'UNAVAILABLE') return new UnavailableError(message);
  return new BadUserInputError(fieldIn(message), message);
}

/** The messages of a refused event begin with what is wrong. */
function fieldIn(message: string): string {
  const [, field] = /^payload: (?:each value in )?(\w+) /.exec(message) ?? [];
  if (field !== undefined) return `payload.${field}`;
  return /^(payload|key|an event)\b/.exec(message)?.[1] ?? 'viewer';
}

/** The forms to publish with, and what they send. */
@Controller(CONSOLE_API)
export class ConsolePublishController {
  constructor(
    private readonly forms: FeedForms,
    private readonly publisher: ConsolePublisher,
  ) {}

  /** The feeds to which the operator may publish. */
  @Get('/feeds')
  feeds(@CurrentOperator() { key }: Operator): FeedFormsAnswer {
    return this.forms.all((topic) => mayPublish(key.scopes, topic));
  }

  /** Publishes one event. */
  @Post('/publish')
  @HttpCode(HttpStatus.OK)
  async publish(@CurrentOperator() operator: Operator, @Body() body: unknown): Promise<{ readonly cursor: string }> {
    return { cursor: await this.publisher.publish(operator, fieldsOf(body, ['topic', 'viewer', 'payload', 'key'])) };
  }
}
