import { Body, Controller, Get, HttpCode, HttpStatus, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HTTP_CONFIG, type HttpConfig } from '../../identity/identity.config.js';
import { BadUserInputError } from '../../live/errors/sallyport.errors.js';
import { clientFacts } from '../../live/viewer/client-address.js';
import { fieldsOf } from '../http-api/body-fields.js';
import { ConsoleCookie } from './console-cookie.js';
import { ConsoleSessions } from './console-sessions.service.js';
import { CONSOLE_API } from './console.rules.js';
import { CurrentOperator, type Operator } from './operator.js';

/** What the page knows of its operator. */
interface OperatorAnswer {
  /** The name of the key. */
  readonly name: string;
  /** What the operator may do. */
  readonly scopes: readonly string[];
  /** ISO 8601, UTC. */
  readonly endsAt: string;
}

/** Signing in to the console with an API key, and out of it. */
@Controller(CONSOLE_API)
export class ConsoleSessionController {
  constructor(
    private readonly sessions: ConsoleSessions,
    private readonly cookie: ConsoleCookie,
    @Inject(HTTP_CONFIG) private readonly http: HttpConfig,
  ) {}

  /** Exchanges a key for a session, which replaces the one that the cookie presents; the key is not kept. */
  @Post('/sign-in')
  @HttpCode(HttpStatus.OK)
  async signIn(
    @Req() request: FastifyRequest,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OperatorAnswer> {
    const { key } = fieldsOf(body, ['key']);
    if (typeof key !== 'string') throw new BadUserInputError('key', 'key must be text.');
    const { address } = clientFacts(request.raw, this.http.trustedProxies);
    const presented = this.cookie.read(request.headers.cookie);
    const { operator, secret } = await this.sessions.open(key.trim(), address, presented);
    void reply.header('Set-Cookie', this.cookie.serialise(secret));
    return answerOf(operator);
  }

  /** Ends the session on every node. */
  @Post('/sign-out')
  @HttpCode(HttpStatus.OK)
  async signOut(
    @CurrentOperator() operator: Operator,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Record<string, never>> {
    await this.sessions.end(operator);
    void reply.header('Set-Cookie', this.cookie.clear());
    return {};
  }

  /** The operator of this session. */
  @Get('/session')
  session(@CurrentOperator() operator: Operator): OperatorAnswer {
    return answerOf(operator);
  }
}

function answerOf({ key, endsAt }: Operator): OperatorAnswer {
  return { name: key.name, scopes: key.scopes, endsAt: endsAt.toISOString() };
}
