import { Controller, Get, Injectable, Query, UseGuards } from '@nestjs/common';
import { ApiKeyGuard, CurrentApiKey } from '../../identity/api-keys/api-key.guard.js';
import type { ApiKey } from '../../identity/api-keys/api-key.store.js';
import { BadUserInputError, NotFoundError } from '../../live/errors/sallyport.errors.js';
import { FeedRegistry } from '../../live/feeds/feed.registry.js';
import { PublishRate } from '../../live/publish/publish-rate.js';
import { TopicBus } from '../../live/topics/topic.bus.js';
import { type Topic, type TopicDefinition, topicOf } from '../../live/topics/topic.js';
import { BackendQueryRule, needs } from './backend-rule.js';
import { QueryParameters, viewerIn } from './query-parameters.js';

/** The most events in one response, and how many by default. */
export const MAX_EVENTS = 1_000;
export const DEFAULT_EVENTS = 100;
/** What the bus reads at a time, which bounds the memory of a request. */
const EVENTS_AT_A_TIME = 100;
/** A page ends after the event that reaches this size of all payloads together, in bytes of JSON. */
const MAX_PAGE_BYTES = 1024 * 1024;

/** One event of a topic's history. */
interface KeptEvent {
  readonly cursor: string;
  readonly payload: unknown;
}

/** A part of a topic's history. */
interface HistoryAnswer {
  /** Oldest first. */
  readonly events: readonly KeptEvent[];
  /** False if events after `after` may be missing: none is returned then. True without `after`. */
  readonly recovered: boolean;
}

/** `GET /history`: the events of one topic that are still kept. See PROTOCOL.md, section 10. */
@Controller()
@UseGuards(ApiKeyGuard)
export class HistoryController {
  constructor(
    private readonly feeds: FeedRegistry,
    private readonly bus: TopicBus,
    private readonly rate: PublishRate,
  ) {}

  /** The oldest events after `after`, or of the history. */
  @Get('/history')
  async read(@CurrentApiKey() key: ApiKey, @Query() query: unknown): Promise<HistoryAnswer> {
    const parameters = new QueryParameters(query, ['topic', 'viewer', 'after', 'limit']);
    const definition = this.#definition(parameters.one('topic'));
    const topic = topicOf(definition, viewerIn(parameters.one('viewer')));
    const limit = limitIn(parameters.optional('limit'));
    this.rate.spendRest(key, limit);
    return this.#page(topic, parameters.optional('after'), limit);
  }

  #definition(name: string): TopicDefinition {
    const feed = this.feeds.find(name);
    if (!feed) throw new NotFoundError(`topic must be one of ${this.feeds.names.join(', ')}.`);
    return feed.topic;
  }

  async #page(topic: Topic, after: string | undefined, limit: number): Promise<HistoryAnswer> {
    const events: KeptEvent[] = [];
    let bytes = 0;
    for (;;) {
      const last = events.at(-1)?.cursor ?? after;
      const range = { limit: Math.min(EVENTS_AT_A_TIME, limit - events.length), ...(last && { after: last }) };
      const part = await this.bus.history(topic, range);
      if (events.length === 0 && !part.recovered) return { events, recovered: false };
      for (const { cursor, payload } of part.events) {
        events.push({ cursor, payload });
        bytes += Buffer.byteLength(JSON.stringify(payload));
        if (bytes >= MAX_PAGE_BYTES) break;
      }
      if (part.events.length < range.limit || events.length >= limit || bytes >= MAX_PAGE_BYTES)
        return { events, recovered: true };
    }
  }
}

function limitIn(text: string | undefined): number {
  if (text === undefined) return DEFAULT_EVENTS;
  const limit = /^[1-9]\d{0,3}$/.test(text) ? Number(text) : Infinity;
  if (limit <= MAX_EVENTS) return limit;
  throw new BadUserInputError('limit', `limit must be a whole number from 1 to ${MAX_EVENTS}.`);
}

/** The rule of `GET /history`. */
@Injectable()
export class HistoryRule extends BackendQueryRule {
  override readonly path = '/history';
  protected override readonly permission = needs('history');
}
