import type { BeforeApplicationShutdown } from '@nestjs/common';
import { context, type Context, type Link, type Span, SpanKind, type Tracer } from '@opentelemetry/api';
import { MESSAGING_SYSTEM } from '../tracing/event-trace.js';
import { activeTracer, continuing, endSpan, mayRecord } from '../tracing/tracer.js';
import type { Topic } from './topic.js';
import {
  type HistoryPage,
  type HistoryRange,
  type Publication,
  type PublishOutcome,
  TopicBus,
  type TopicSink,
  type TopicSubscription,
} from './topic.bus.js';

/**
 * The most events of one call that carry its trace, since each is a span on every node. A tick for 15,000 viewers would
 * otherwise fill every exporter's queue.
 */
const MAX_TRACED = 32;
/** The most links of a span to traces that events brought along. */
const MAX_LINKS = 32;

/**
 * The bus in use, with one span for each call of {@link publish}. The events of a sampled call carry its context to
 * every node. Without an OpenTelemetry SDK, and for a call that is not sampled, it only passes the call on.
 */
export class TracedTopicBus extends TopicBus implements BeforeApplicationShutdown {
  constructor(private readonly bus: TopicBus & Partial<BeforeApplicationShutdown>) {
    super();
  }

  override publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    const tracer = activeTracer();
    if (!tracer || publications.length === 0) return this.bus.publish(publications);
    const parent = parentOf(publications);
    if (!mayRecord(parent)) return this.bus.publish(publications);
    const span = startSpan(tracer, publications, parent);
    return span.isRecording() ? this.#publishIn(span, publications) : this.bus.publish(publications);
  }

  override subscribe(topic: Topic, sink: TopicSink, resume?: unknown): Promise<TopicSubscription> {
    return this.bus.subscribe(topic, sink, resume);
  }

  override history(topic: Topic, range: HistoryRange): Promise<HistoryPage> {
    return this.bus.history(topic, range);
  }

  override forget(topic: Topic): Promise<void> {
    return this.bus.forget(topic);
  }

  beforeApplicationShutdown(signal?: string): unknown {
    return this.bus.beforeApplicationShutdown?.(signal);
  }

  async #publishIn(span: Span, publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    try {
      const outcomes = await this.bus.publish(
        publications.map((publication, place) => traced(publication, place, span)),
      );
      endSpan(span, { 'sallyport.publish.refused': outcomes.filter(({ ok }) => !ok).length });
      return outcomes;
    } catch (error) {
      endSpan(span, {}, error);
      throw error;
    }
  }
}

/** The trace that the first event brought along, else the caller's. */
function parentOf(publications: readonly Publication[]): Context {
  const given = publications.find(({ trace }) => trace !== undefined)?.trace;
  return given ? continuing(context.active(), given) : context.active();
}

function startSpan(tracer: Tracer, publications: readonly Publication[], parent: Context): Span {
  const [first] = publications;
  const span = tracer.startSpan('publish', { kind: SpanKind.PRODUCER, links: linksOf(publications) }, parent);
  if (!first || !span.isRecording()) return span;
  const { name } = first.topic.definition;
  span.setAttributes({
    'messaging.system': MESSAGING_SYSTEM,
    'messaging.operation.name': 'publish',
    'messaging.operation.type': 'send',
    'messaging.batch.message_count': publications.length,
  });
  if (!publications.every(({ topic }) => topic.definition === first.topic.definition)) return span;
  return span.updateName(`publish ${name}`).setAttribute('messaging.destination.name', name);
}

function linksOf(publications: readonly Publication[]): Link[] {
  const links = publications.flatMap(({ trace }) => (trace ? [{ context: trace }] : []));
  return links.slice(0, MAX_LINKS);
}

/** An event of another trace stays in that. */
function traced(publication: Publication, place: number, span: Span): Publication {
  const own = span.spanContext();
  if (place >= MAX_TRACED || (publication.trace && publication.trace.traceId !== own.traceId)) return publication;
  return { ...publication, trace: own };
}
