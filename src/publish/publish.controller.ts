import { Body, Controller, HttpCode, HttpStatus, Post, UseGuards } from '@nestjs/common';
import { ApiKeyGuard, CurrentApiKey } from './api-key.guard.js';
import type { ApiKey } from './api-key.store.js';
import { publisherOf } from './api-key.js';
import { PublishRate } from './publish-rate.js';
import { eventsOf, type PublishAnswer, Publisher } from './publisher.service.js';

/** `POST /publish`: the door for other backends. PROTOCOL.md, section 7. */
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
    return this.publisher.publish(events, publisherOf(key));
  }
}
