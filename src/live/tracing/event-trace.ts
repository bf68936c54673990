import { ROOT_CONTEXT, type Span, type SpanContext, SpanKind } from '@opentelemetry/api';
import { activeTracer, continuing, endSpan } from './tracer.js';

/** `messaging.system` of every messaging span. */
export const MESSAGING_SYSTEM = 'sallyport';

/**
 * The trace of one event on this node: one span for the delivery to all of its sockets, as a child of the span that
 * published it and with a link to that. An event whose trace is not sampled has none.
 *
 * The span ends when the event was delivered to every socket. A socket that waits for an asynchronous resolver, or for a
 * slow reader, holds it open.
 */
export class EventTrace {
  #span: Span | null = null;
  #messages = 0;
  #bytes = 0;
  #open = 1;

  /** @param context the span that published the event */
  constructor(private readonly context: SpanContext) {}

  /** Delivery starts. Followed by {@link release}. */
  begin(feed: string): void {
    this.#span ??=
      activeTracer()?.startSpan(
        `deliver ${feed}`,
        {
          kind: SpanKind.CONSUMER,
          links: [{ context: this.context }],
          attributes: {
            'messaging.system': MESSAGING_SYSTEM,
            'messaging.operation.name': 'deliver',
            'messaging.operation.type': 'process',
            'messaging.destination.name': feed,
          },
        },
        continuing(ROOT_CONTEXT, this.context),
      ) ?? null;
  }

  /** A message was written to a socket. */
  wrote(bytes: number): void {
    this.#messages++;
    this.#bytes += bytes;
  }

  /** A socket gets it later. Followed by {@link release}. */
  hold(): void {
    this.#open++;
  }

  /** Delivery, or one socket that had to wait, is done. */
  release(): void {
    if (--this.#open > 0 || !this.#span) return;
    const span = this.#span;
    this.#span = null;
    endSpan(span, { 'sallyport.delivery.messages': this.#messages, 'sallyport.delivery.bytes': this.#bytes });
  }
}
