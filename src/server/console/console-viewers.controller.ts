import { Body, Controller, HttpCode, HttpStatus, Post } from '@nestjs/common';
import { BadUserInputError, NotFoundError } from '../../live/errors/sallyport.errors.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { parseViewerId, type ViewerId } from '../../live/viewer/viewer.js';
import { fieldsOf } from '../http-api/body-fields.js';
import { CONSOLE_API } from './console.rules.js';
import { CurrentOperator, type Operator } from './operator.js';
import type { ShownEvent } from './topic-look-up.js';
import { TopicEventReader } from './topic-event-reader.js';
import { ViewerActions } from './viewer-actions.js';
import { type ViewerAnswer, ViewerLookUp } from './viewer-look-up.js';

/** The viewer id in a field. @throws BadUserInputError when it is none */
function viewerOf(value: unknown): ViewerId {
  const viewer = parseViewerId(value);
  if (!viewer) throw new BadUserInputError('viewer', 'viewer must be a viewer id.');
  return viewer;
}

/** The look-up of a viewer. POST, because proxies write URLs to their logs. */
@Controller(`${CONSOLE_API}/viewer`)
export class ConsoleViewersController {
  constructor(
    private readonly lookUp: ViewerLookUp,
    private readonly topics: TopicEventReader,
    private readonly actions: ViewerActions,
    private readonly audit: AuditLog,
  ) {}

  /** A viewer, by id, e-mail, or source and subject. */
  @Post()
  @HttpCode(HttpStatus.OK)
  async find(@CurrentOperator() { key, address }: Operator, @Body() body: unknown): Promise<ViewerAnswer> {
    const { query } = fieldsOf(body, ['query']);
    const viewer = typeof query === 'string' ? await this.lookUp.find(query) : null;
    const entry = { viewer, address, by: 'operator', operator: key.name } as const;
    this.audit.record('console-looked-up', viewer === null ? { ...entry, reason: 'not-found' } : entry);
    if (viewer === null) throw new NotFoundError('There is no such viewer.');
    return this.lookUp.describe(viewer);
  }

  /** The newest events of one of the viewer's topics. They may hold personal data, so they need the scope `history`. */
  @Post('/events')
  @HttpCode(HttpStatus.OK)
  async events(
    @CurrentOperator() operator: Operator,
    @Body() body: unknown,
  ): Promise<{ readonly events: readonly ShownEvent[] }> {
    const { viewer, topic } = fieldsOf(body, ['viewer', 'topic']);
    return { events: await this.topics.read(operator, viewerOf(viewer), topic) };
  }

  /** Answers when the sockets have closed on every reachable node. */
  @Post('/disconnect')
  @HttpCode(HttpStatus.OK)
  async disconnect(@CurrentOperator() operator: Operator, @Body() body: unknown): Promise<Record<string, never>> {
    const { viewer } = fieldsOf(body, ['viewer']);
    await this.actions.disconnect(operator, viewerOf(viewer));
    return {};
  }

  /** The same for one session. */
  @Post('/revoke-session')
  @HttpCode(HttpStatus.OK)
  async revokeSession(@CurrentOperator() operator: Operator, @Body() body: unknown): Promise<Record<string, never>> {
    const { viewer, session } = fieldsOf(body, ['viewer', 'session']);
    if (typeof session !== 'string') throw new BadUserInputError('session', 'session must be text.');
    await this.actions.revokeSession(operator, viewerOf(viewer), session);
    return {};
  }
}
