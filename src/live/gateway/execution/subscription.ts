import { MessageType } from 'graphql-ws';
import type { GraphQLFormattedError } from 'graphql';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import type { Connection, RunningSubscription } from '../connection/connection.js';
import { type ByteText, toBytes } from '../connection/frame.js';
import { messageText } from '../connection/message.js';
import type { ExecutableOperation, Variant } from './executable-operation.js';
import type { Hold } from './live-operations.js';
import type { ResultText } from './rendering.js';

/** Ends a Next message: the payload, which {@link ResultText} leaves open, and the message. */
export const NEXT_END = '}}';

/** The beginning of a Next message, up to its payload. */
export function nextStart(id: string): ByteText {
  return toBytes(`{"id":${JSON.stringify(id)},"type":"next","payload":`);
}

/** What a Subscribe message asks for, checked. */
export interface SubscriptionRequest {
  readonly operation: ExecutableOperation;
  readonly variant: Variant;
  readonly context: GraphqlContext;
  /** The client's cursor, not yet verified. */
  readonly resume: unknown;
}

/** The results of a subscription (GraphQL §6.2.3.2), which send themselves. */
export interface ResponseStream {
  /** Called once, when the subscription is over. */
  end(): void;
}

/**
 * One subscription of a socket, from its Subscribe message until it is over: the client has completed it, the socket has
 * closed, or its last message is sent. From then on nothing is sent, since the client may use the id again.
 */
export class Subscription implements RunningSubscription {
  #isOver = false;
  #stream: ResponseStream | null = null;
  #hold: Hold | null = null;

  /** Takes the id, which must be free. */
  constructor(
    readonly connection: Connection,
    readonly id: string,
  ) {
    connection.subscribed(this);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sets its response stream, which ends with it: at once if it is over already. */
  sendsFrom(stream: ResponseStream): void {
    this.#stream = stream;
    if (this.#isOver) stream.end();
  }

  /** Sets the memory that counts for it until it is over. */
  holds(hold: Hold): void {
    this.#hold = hold;
  }

  /** Sends a result. */
  next(result: ResultText): void {
    if (!this.#isOver) this.connection.push((nextStart(this.id) + result + NEXT_END) as ByteText);
  }

  /** Sends its last message: errors instead of results. */
  fail(payload: readonly GraphQLFormattedError[]): void {
    if (this.#isOver) return;
    this.connection.push(messageText({ id: this.id, type: MessageType.Error, payload }));
    this.end();
  }

  /** Sends its last message: there are no more results. */
  complete(): void {
    if (this.#isOver) return;
    this.connection.push(messageText({ id: this.id, type: MessageType.Complete }));
    this.end();
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.connection.unsubscribed(this);
    this.#stream?.end();
    this.#hold?.release();
  }
}
