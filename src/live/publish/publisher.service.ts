import { Injectable } from '@nestjs/common';
import { BadUserInputError } from '../errors/sallyport.errors.js';
import { type Publication, type PublishOutcome, TopicBus } from '../topics/topic.bus.js';
import { EventChecker } from './event-checker.js';
import { PublishMetrics } from './publish.metrics.js';
import { type EventError, type EventPublisher, KEY_REUSED } from './published-event.js';

/** The most events in one request. */
export const MAX_EVENTS = 1_000;

/** The result for one event. The cursor is its position in history, where the event is once this is returned. */
export type PublishResult = { readonly cursor: string } | { readonly error: EventError };

/** The response to a request; results are in the order of its events. */
export interface PublishAnswer {
  readonly results: readonly PublishResult[];
}

/**
 * Publishes events from other backends: each event is checked on its own, and the valid ones go to the bus together.
 */
@Injectable()
export class Publisher {
  constructor(
    private readonly checker: EventChecker,
    private readonly bus: TopicBus,
    private readonly metrics: PublishMetrics,
  ) {}

  /**
   * Publishes the events of a request.
   *
   * @param events from {@link eventsOf}
   * @param publisher events for topics that it may not publish to are refused individually
   * @throws UnavailableError when the store is unavailable: nothing was published, or everything was and the reply was
   * lost
   */
  async publish(events: readonly unknown[], publisher: EventPublisher): Promise<PublishAnswer> {
    const publications: Publication[] = [];
    const results = events.map((event): PublishResult | null => {
      const checked = this.checker.check(event, publisher);
      if (!checked.ok) return { error: checked.error };
      publications.push(checked.publication);
      return null;
    });
    const outcomes = publications.length > 0 ? await this.bus.publish(publications) : [];
    const taken = outcomes.filter(({ ok }) => ok).length;
    this.metrics.count(taken, events.length - taken);
    let next = 0;
    return { results: results.map((result) => result ?? toResult(outcomes[next++])) };
  }
}

/**
 * The events of a request's body.
 *
 * @throws BadUserInputError when the body is not `{ "events": [ … ] }` with at most 1,000 of them, or has another field
 */
export function eventsOf(body: unknown): readonly unknown[] {
  const events: unknown = typeof body === 'object' && body !== null && 'events' in body ? body.events : undefined;
  if (!Array.isArray(events) || Object.keys(body as object).length > 1)
    throw new BadUserInputError(
      'events',
      'The body must be a JSON object { "events": [ … ] } without other fields: see PROTOCOL.md.',
    );
  if (events.length > MAX_EVENTS)
    throw new BadUserInputError('events', `There are too many events: send at most ${MAX_EVENTS} in one request.`);
  return events;
}

function toResult(outcome: PublishOutcome | undefined): PublishResult {
  if (outcome?.ok) return { cursor: outcome.cursor };
  if (outcome?.reason === 'unavailable') {
    return { error: { code: 'UNAVAILABLE', message: 'Not published now: send this event with its key again.' } };
  }
  return { error: { code: 'BAD_USER_INPUT', message: KEY_REUSED } };
}
