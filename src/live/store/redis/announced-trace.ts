import type { LiveTopic } from '../../topics/live-topic.js';
import type { TopicEvent } from '../../topics/topic-event.js';
import { EventTrace } from '../../tracing/event-trace.js';
import { parseSampled } from '../../tracing/trace-context.js';

/**
 * The trace that a message with the offset 0 announces for the event that follows it in the same channel. A node that
 * does not know such messages takes them for an event that it already has, and drops them.
 */
export class AnnouncedTrace {
  private constructor(
    private readonly topic: LiveTopic,
    private readonly epoch: string,
    private readonly offset: number,
    private readonly trace: EventTrace,
  ) {}

  /** Null if the message has another form: everyone who can write to Redis can send one. */
  static read(topic: LiveTopic, { epoch, payload }: TopicEvent): AnnouncedTrace | null {
    const [traceparent, offset] = Array.isArray(payload) ? (payload as readonly unknown[]) : [];
    const context = parseSampled(traceparent);
    return context && typeof offset === 'number'
      ? new AnnouncedTrace(topic, epoch, offset, new EventTrace(context))
      : null;
  }

  /** The trace of this event; null if another one was announced. */
  of(topic: LiveTopic, { epoch, offset }: TopicEvent): EventTrace | null {
    return topic === this.topic && epoch === this.epoch && offset === this.offset ? this.trace : null;
  }
}
