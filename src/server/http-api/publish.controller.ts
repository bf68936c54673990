import { Body, Controller, HttpCode, HttpStatus, Post, UseGuards, Injectable } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiKeyGuard, CallerAddress, CurrentApiKey } from '../../identity/api-keys/api-key.guard.js';
import type { ApiKey } from '../../identity/api-keys/api-key.store.js';
import { mayPublishSomething } from '../../identity/api-keys/api-key-scopes.js';
import { publisherOf } from '../../identity/api-keys/api-key.js';
import { PublishRate } from '../../live/publish/publish-rate.js';
import { eventsOf, type PublishAnswer, Publisher } from '../../live/publish/publisher.service.js';
import type { FastifyRequest } from 'fastify';
import { HttpRefusalError } from '../../live/errors/sallyport.errors.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { lengthOfBody } from '../http/request-bodies.js';
import { whenOver } from '../http/request-end.js';
import type { RouteRule } from '../http/route-rules.js';
import { HeldBodies } from './held-bodies.js';
import { KeyAdmission } from './key-admission.js';

/** `POST /publish`: publishes events of other backends. PROTOCOL.md, section 7. */
@Controller()
export class PublishController {
  constructor(
    private readonly publisher: Publisher,
    private readonly rate: PublishRate,
    private readonly audit: AuditLog,
  ) {}

  @Post('/publish')
  @HttpCode(HttpStatus.OK)
  @UseGuards(ApiKeyGuard)
  // A payload with such a key is an error of its event, not of the others.
  @RouteConfig({ checksKeys: true })
  async publish(
    @CurrentApiKey() key: ApiKey,
    @CallerAddress() address: string,
    @Body() body: unknown,
  ): Promise<PublishAnswer> {
    const events = eventsOf(body);
    this.rate.spendRest(key, events.length);
    const answer = await this.publisher.publish(events, publisherOf(key));
    // Once for a request, however many of its events were refused.
    if (answer.results.some((result) => 'error' in result && result.error.code === 'FORBIDDEN'))
      this.audit.record('api-key-refused', { address, reason: 'out-of-scope', name: key.name });
    return answer;
  }
}

/** The largest body of a request, in bytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * The rule of `POST /publish`, applied before its body is read: a valid key, an allowed length, free memory, and a key
 * within its limits.
 */
@Injectable()
export class PublishRule implements RouteRule {
  readonly path = '/publish';
  readonly methods = ['POST'];
  readonly bodyLimitBytes = MAX_BODY_BYTES;

  constructor(
    private readonly admission: KeyAdmission,
    private readonly held: HeldBodies,
    private readonly rate: PublishRate,
  ) {}

  readonly admit: RouteRule['admit'] = async (request, reply) => {
    const permission = { scope: 'publish', isAllowed: mayPublishSomething };
    const caller = await this.admission.admit(request, reply, permission);
    const { key } = caller;
    const bytes = announcedBytes(request);
    const release = await this.admission.withinLimits(caller, () => {
      this.rate.spendBytes(key, bytes ?? 0);
      return this.held.hold(key, bytes ?? MAX_BODY_BYTES);
    });
    whenOver(request, reply, () => {
      release();
      // A body without `Content-Length` may have the maximum size, and counts when its length is known.
      if (bytes === null) this.rate.spendMoreBytes(key, lengthOfBody(request) ?? MAX_BODY_BYTES);
    });
  };
}

/** Null without `Content-Length`. */
function announcedBytes({ headers }: FastifyRequest): number | null {
  if (headers['content-length'] === undefined) return null;
  const length = Number(headers['content-length']);
  if (length > MAX_BODY_BYTES)
    throw new HttpRefusalError(413, `The body is too large: at most ${MAX_BODY_BYTES} bytes.`);
  return length;
}
