import { Body, Controller, HttpCode, HttpStatus, Post, UseGuards } from '@nestjs/common';
import { ApiKeyGuard, CurrentApiKey } from '../../identity/api-keys/api-key.guard.js';
import type { ApiKey } from '../../identity/api-keys/api-key.store.js';
import { mayPublish } from '../../identity/api-keys/api-key-scopes.js';
import { publisherOf } from '../../identity/api-keys/api-key.js';
import { PublishRate } from '../../live/publish/publish-rate.js';
import { eventsOf, type PublishAnswer, Publisher } from '../../live/publish/publisher.service.js';

/** `POST /publish`: how other backends publish. PROTOCOL.md, section 7. */
@Controller()
export class PublishController {
  constructor(
    private readonly publisher: Publisher,
    private readonly rate: PublishRate,
  ) {}

  @Post('/publish')
  @HttpCode(HttpStatus.OK)
  @UseGuards(ApiKeyGuard)
  async publish(@CurrentApiKey() key: ApiKey, @Body() body: unknown): Promise<PublishAnswer> {
    const events = eventsOf(body);
    this.rate.spend(key, events.length);
    return this.publisher.publish(events, publisherOf(key), (topic) => mayPublish(key.scopes, topic));
  }
}
