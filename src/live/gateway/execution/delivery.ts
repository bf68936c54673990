import { MessageType } from 'graphql-ws';
import { CloseCode } from '../../../protocol/close-code.js';
import type { PositionPingPayload } from '../../../protocol/payload.js';
import { formatCursor, type Position } from '../../topics/cursor.js';
import type { TopicEvent } from '../../topics/topic-event.js';
import type { TopicDefinition } from '../../topics/topic.js';
import type { TopicStream } from '../../topics/topic-stream.js';
import type { TopicSink, TopicSubscription } from '../../topics/topic.bus.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import type { Connection } from '../connection/connection.js';
import type { ByteText } from '../connection/frame.js';
import type { HistorySlots } from '../connection/history-slots.js';
import { messageText } from '../connection/message.js';
import type { ExecutableOperation, Variant } from './executable-operation.js';
import type { Renderer, ResultText } from './rendering.js';
import {
  NEXT_END,
  nextStart,
  type Subscription,
  type SubscriptionRequest,
  type ResponseStream,
} from './subscription.js';
import type { SubscriptionCount } from './subscription.metrics.js';

/** Events that may wait for an asynchronous resolver. If no event may be skipped, the initial history comes on top. */
const MAX_WAITING = 256;

/** What a delivery gets from its starter. */
export interface DeliveryParts {
  readonly renderer: Renderer;
  /** Where this one is counted. */
  readonly count: SubscriptionCount;
}

/** Delivers one subscription from the topic to the socket: an event is rendered and framed in one synchronous step. */
export class Delivery implements TopicSink, ResponseStream {
  // Copied here instead of read through the request and the stream: with 15,000 sockets memory access is the main cost
  // of an event.
  readonly #connection: Connection;
  readonly #context: GraphqlContext;
  readonly #operation: ExecutableOperation;
  readonly #variant: Variant;
  readonly #renderer: Renderer;
  readonly #definition: TopicDefinition;
  readonly #prefix: ByteText;
  readonly #count: SubscriptionCount;
  #recovered: boolean | undefined;
  /** The position where the subscription starts, until an event with a cursor is sent. */
  #start: Position | null = null;
  #joined: TopicSubscription | null = null;
  #done = false;
  #latest: TopicEvent | null = null;
  #waiting: Promise<void> | null = null;
  #waitingCount = 0;
  /** While it waits for a slot to start. */
  #slots: HistorySlots | null = null;

  /**
   * Subscribes; resolves once no event published from then on can be missed. Where a history may come first, it waits for
   * a slot on the socket: see {@link HistorySlots}.
   *
   * @returns how long it has waited, in milliseconds
   */
  static async begin(
    stream: TopicStream,
    subscription: Subscription,
    request: SubscriptionRequest,
    parts: DeliveryParts,
  ): Promise<number> {
    const { connection, id } = subscription;
    const delivery = new Delivery(stream.topic.definition, subscription, request, parts);
    // Before it has begun, since it may send events before that.
    subscription.sendsFrom(delivery);
    const resume = connection.resumable ? request.resume : undefined;
    const { historySize, onSubscribe } = delivery.#definition;
    const slots = historySize > 1 && (onSubscribe === 'history' || resume !== undefined) ? connection.histories : null;
    const startedAtMs = performance.now();
    delivery.#slots = slots;
    const mayStart = slots === null || (await slots.acquire(delivery));
    delivery.#slots = null;
    const waitedMs = performance.now() - startedAtMs;
    if (!mayStart) return waitedMs;
    try {
      if (!delivery.#done && !connection.closed) delivery.#begun(await stream.attach(delivery, resume), id);
      return waitedMs;
    } catch (error) {
      if (resume !== undefined) parts.count.failed++;
      throw error;
    } finally {
      // What waits now is the history: it was read before any live event.
      void slots?.release(delivery.#waiting);
    }
  }

  /** Not yet subscribed: see {@link begin}. */
  constructor(
    definition: TopicDefinition,
    { connection, id }: Subscription,
    { operation, variant, context }: SubscriptionRequest,
    { renderer, count }: DeliveryParts,
  ) {
    this.#connection = connection;
    this.#context = context;
    this.#operation = operation;
    this.#variant = variant;
    this.#renderer = renderer;
    this.#count = count;
    this.#definition = definition;
    this.#prefix = nextStart(id);
  }

  confirmed(recovered: boolean | undefined, position: Position): void {
    this.#recovered = recovered;
    this.#start = position;
    if (recovered === true) this.#count.recovered++;
    else if (recovered === false) this.#count.notRecovered++;
  }

  event(event: TopicEvent): void {
    if (this.#done || this.#connection.closed) return;
    this.#start = null;
    // No event may overtake one that is held back.
    if (this.#latest !== null) this.#holdBack(event);
    else if (this.#waiting) this.#wait(event);
    else if (!this.#connection.isFull) this.#deliver(event);
    else this.#slow(event);
  }

  ended(): void {
    if (this.#done) return;
    // The loss cannot be reported on this subscription; the client resumes and learns there what it missed.
    this.#connection.close(CloseCode.ReaderTooSlow, 'Events were lost on the way: resume');
  }

  end(): void {
    if (!this.#done && this.#joined) this.#count.open--;
    this.#done = true;
    this.#holdBack(null);
    this.#joined?.end();
    this.#slots?.leave(this);
  }

  get #mostWaiting(): number {
    return this.#definition.slowReader === 'close' ? MAX_WAITING + this.#definition.historySize : MAX_WAITING;
  }

  #begun(joined: TopicSubscription, operationId: string): void {
    this.#joined = joined;
    const start = this.#start;
    this.#start = null;
    if (this.#done) return joined.end();
    this.#count.open++;
    if (start && this.#connection.sendsPositions) this.#sendPosition(operationId, start);
  }

  /** Without an event, this tells the client where to resume from, and whether it missed events. */
  #sendPosition(operation: string, position: Position): void {
    const payload: PositionPingPayload = {
      operation,
      cursor: formatCursor(position),
      ...(this.#recovered === undefined ? {} : { recovered: this.#recovered }),
    };
    this.#connection.push(messageText({ type: MessageType.Ping, payload: { ...payload } }));
  }

  #deliver(event: TopicEvent): void {
    const text = this.#render(event);
    if (typeof text === 'string') this.#write(event, text);
    else this.#wait(event, text);
  }

  #render(event: TopicEvent): ResultText | Promise<ResultText> {
    return this.#renderer.render(event, this.#definition.field, this.#operation, this.#variant, this.#context);
  }

  #write(event: TopicEvent, text: ResultText): void {
    const extensions = this.#connection.resumable ? this.#extensions(event) : '';
    const message = (this.#prefix + text + extensions + NEXT_END) as ByteText;
    this.#connection.push(message, this.#definition.deliverWithinMs);
    event.trace?.wrote(message.length);
  }

  #extensions(event: TopicEvent): string {
    const recovered = this.#recovered === undefined ? '' : `,"recovered":${this.#recovered}`;
    this.#recovered = undefined;
    return `,"extensions":{"cursor":"${event.cursor}"${recovered}}`;
  }

  /** A resolver is asynchronous: later events wait. */
  #wait(event: TopicEvent, started?: Promise<ResultText>): void {
    if (this.#waitingCount >= this.#mostWaiting) {
      this.#slow(event);
      return;
    }
    this.#waitingCount++;
    event.trace?.hold();
    this.#waiting = this.#deliverAfter(this.#waiting, event, started);
  }

  async #deliverAfter(
    earlier: Promise<void> | null,
    event: TopicEvent,
    started: Promise<ResultText> | undefined,
  ): Promise<void> {
    await earlier;
    while (this.#connection.isFull) await this.#connection.drained();
    // No resolver runs for a subscription that is over, or for a socket that may belong to a session that has ended.
    if (!this.#done && !this.#connection.closed) {
      const text = await (started ?? this.#render(event));
      // Other subscriptions of this socket have waited too, and may have written first.
      while (this.#connection.isFull) await this.#connection.drained();
      if (!this.#done) this.#write(event, text);
    }
    event.trace?.release();
    if (--this.#waitingCount === 0) this.#waiting = null;
  }

  #slow(event: TopicEvent): void {
    const connection = this.#connection;
    if (this.#definition.slowReader === 'close') {
      const hasRoom = this.#waitingCount < this.#mostWaiting;
      // The initial history arrives all at once, so it is sent at the reader's pace. The reader may still be fast
      // enough.
      if (hasRoom && !this.#joined) this.#wait(event);
      else if (hasRoom) this.#deliver(event);
      else connection.close(CloseCode.ReaderTooSlow, 'Reader too slow: reconnect and resume');
      return;
    }
    this.#holdBack(event);
    // Held back until earlier events are sent: until their resolvers are done, or the backlog has room.
    void (this.#waiting ?? connection.drained()).then(() => this.#deliverLatest());
  }

  #deliverLatest(): void {
    const latest = this.#latest;
    if (latest === null) return;
    this.#latest = null;
    this.event(latest);
    latest.trace?.release();
  }

  /** In place of an earlier one, which is never sent. */
  #holdBack(event: TopicEvent | null): void {
    event?.trace?.hold();
    this.#latest?.trace?.release();
    this.#latest = event;
  }
}
