import type { Socket } from 'node:net';
import { type Grant, sessionOf } from '../connection-authenticator.js';
import type { GraphqlContext, ClientFacts } from '../../viewer/graphql-context.js';
import type { ViewerId } from '../../viewer/viewer.js';
import { CloseCode } from '../../../protocol/close-code.js';
import type { ByteText } from './frame.js';
import { FrameWriter, type WriterOwner, type WriteBatcher } from './frame-writer.js';
import { HistorySlots } from './history-slots.js';
import type { KeptAlive } from './keep-alive.js';
import { MessageBudget } from './message-budget.js';

/** What is known about the peer of a socket. */
export interface ConnectionFacts extends ClientFacts {
  /** The Origin header of the upgrade, as received; null for a client that is not a browser. */
  readonly origin: string | null;
  /** The id of the upgrade, in each log line of the connection. */
  readonly requestId: string;
}

/** The longest reason of a Close frame, in bytes (RFC 6455 §5.5). */
const MAX_REASON_BYTES = 123;

/** How a connection ends its WebSocket. */
export interface EndableSocket {
  /** Starts the closing handshake at once. */
  closeNow(code: number, reason: string): void;
  /** Ends without a handshake. */
  terminate(): void;
}

/** A subscription of a connection, from its Subscribe message until it is over. */
export interface RunningSubscription {
  /** The client's id for it. */
  readonly id: string;
  /** The client has completed it, or the socket has closed: sends nothing more. Calling it again does nothing. */
  end(): void;
}

const NONE: readonly RunningSubscription[] = [];

/**
 * `opening` until a token is verified, `admitted` until either side closes, then `closed`; a connection never returns
 * to an earlier state.
 */
export type ConnectionState = 'opening' | 'admitted' | 'closed';

/** What a verified `connection_init` sets on a connection. */
export interface AdmittedAs {
  readonly grant: Grant;
  /** The name of the authenticator that verified its token. */
  readonly authenticator: string;
  /** What resolvers of this socket get. */
  readonly context: GraphqlContext;
  /** Whether each Next has a cursor. */
  readonly resumable: boolean;
  /** Whether a Ping tells the client where a subscription without an event starts. */
  readonly sendsPositions: boolean;
}

/**
 * One accepted WebSocket and its subscriptions. It owns no timer and no listener; the shared structures of this folder
 * refer to it while it is open.
 *
 * It keeps the parts of its grant that it needs instead of the grant, because there may be many thousands of
 * connections.
 */
export class Connection implements WriterOwner, KeptAlive {
  // Whole milliseconds here and below: V8 stores small integers in place, while a fraction would be a separate object.
  /** On the monotonic clock, as every deadline of a connection is. */
  readonly openedAtMs = Math.trunc(performance.now());
  #state: ConnectionState = 'opening';
  readonly #budget = new MessageBudget();
  readonly #writer: FrameWriter;
  #context: GraphqlContext | null = null;
  #authenticator = '';
  #session: string | null = null;
  #standsOnToken = false;
  #issuedAtMs = 0;
  #endsAtMs = 0;
  #resumable = false;
  #sendsPositions = false;
  #initReceived = false;
  #wasActive = true;
  #closeCode: number | null = null;
  #leavePresence: (() => void) | null = null;
  /** Made at the first subscription with a history. */
  #histories: HistorySlots | null = null;
  /** An array with exactly as many elements: most connections have one to five, and there may be many connections. */
  #subscriptions = NONE;

  constructor(
    private readonly webSocket: EndableSocket,
    stream: Socket,
    readonly facts: ConnectionFacts,
    batcher: WriteBatcher,
  ) {
    this.#writer = new FrameWriter(stream, batcher, this);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** What resolvers of this socket get; null before the ack. An admitted connection keeps it after the close. */
  get context(): GraphqlContext | null {
    return this.#context;
  }

  /** The name of the authenticator that verified its token; empty before the ack. */
  get authenticator(): string {
    return this.#authenticator;
  }

  /** The viewer; null before the ack. */
  get viewerId(): ViewerId | null {
    return this.#context?.viewer?.id ?? null;
  }

  /** The session whose revocation ends this connection; null for none, and before the ack. */
  get session(): string | null {
    return this.#session;
  }

  /** Whether it ends with its token; otherwise with its session. */
  get standsOnToken(): boolean {
    return this.#standsOnToken;
  }

  /** When the token that it was admitted or renewed with was issued, in ms since the epoch; 0 if unknown. */
  get issuedAtMs(): number {
    return this.#issuedAtMs;
  }

  /** When the connection ends unless refreshed, on the monotonic clock; 0 before the ack. */
  get endsAtMs(): number {
    return this.#endsAtMs;
  }

  get resumable(): boolean {
    return this.#resumable;
  }

  get sendsPositions(): boolean {
    return this.#sendsPositions;
  }

  /** Whether `connection_init` has arrived. */
  get initReceived(): boolean {
    return this.#initReceived;
  }

  /** The code that this side closed with; null if it has not. */
  get closeCode(): number | null {
    return this.#closeCode;
  }

  /** Bytes accepted here and not yet accepted by the operating system. */
  get backlogBytes(): number {
    return this.#writer.backlogBytes;
  }

  /** Whether the backlog is so large that callers that can wait should wait for {@link drained}. */
  get isFull(): boolean {
    return this.#writer.isFull;
  }

  /** How many subscriptions are running. */
  get subscriptionCount(): number {
    return this.#subscriptions.length;
  }

  /** The running subscription with this id. */
  subscription(id: string): RunningSubscription | undefined {
    return this.#subscriptions.find((running) => running.id === id);
  }

  /** A subscription has started to run; its id is free. */
  subscribed(subscription: RunningSubscription): void {
    this.#subscriptions = this.#subscriptions.concat(subscription);
  }

  /** A subscription is over. */
  unsubscribed(subscription: RunningSubscription): void {
    this.#subscriptions = this.#subscriptions.filter((running) => running !== subscription);
  }

  /** `connection_init` has arrived: from now on the longer deadline applies. */
  receiveInit(): void {
    this.#initReceived = true;
  }

  /**
   * Its token is verified.
   *
   * @throws Error unless it is `opening`: a connection is admitted once, and not after its close
   */
  admit({ grant, authenticator, context, resumable, sendsPositions }: AdmittedAs): void {
    if (this.#state !== 'opening') throw new Error(`A connection that is ${this.#state} cannot be admitted.`);
    this.#state = 'admitted';
    this.#authenticator = authenticator;
    this.#context = context;
    this.#resumable = resumable;
    this.#sendsPositions = sendsPositions;
    this.#budget.open(performance.now());
    this.renew(grant);
  }

  /** A refresh has brought a new grant for the same viewer and session. */
  renew(grant: Grant): void {
    this.#session = sessionOf(grant);
    this.#standsOnToken = grant.standsOn === 'token';
    this.#issuedAtMs = grant.issuedAt?.getTime() ?? 0;
    this.extendTo(grant.expiresAt);
  }

  /** Its session or token was extended until then. */
  extendTo(endsAt: Date): void {
    this.#endsAtMs = Math.ceil(monotonic(endsAt.getTime()));
  }

  /** Stores the function that removes the viewer from presence; {@link leavePresence} calls it. */
  inPresence(leave: () => void): void {
    this.#leavePresence = leave;
  }

  /** Removes the viewer from presence, once. */
  leavePresence(): void {
    this.#leavePresence?.();
    this.#leavePresence = null;
  }

  /** The peer has sent something. */
  recordActivity(): void {
    this.#wasActive = true;
  }

  resetActivity(): boolean {
    const wasActive = this.#wasActive;
    this.#wasActive = false;
    return wasActive;
  }

  /** The peer has sent a WebSocket pong. A reply to our ping is free; an unsolicited pong counts as a message. */
  receivePong(): void {
    if (!this.#wasActive) this.#wasActive = true;
    else this.withinBudget();
  }

  /** Whether the peer may send one more frame now; if not, closes with 1008. */
  withinBudget(): boolean {
    if (this.closed) return false;
    if (this.#budget.take(performance.now())) return true;
    this.close(CloseCode.PolicyViolation, 'Too many messages');
    return false;
  }

  /**
   * Writes a message, together with others that wait. Does nothing after the close.
   *
   * @param withinMs how long it may wait for later messages, in milliseconds; 0 until the end of this turn of the event
   * loop
   */
  push(message: ByteText, withinMs = 0): void {
    this.#writer.text(message, withinMs);
  }

  /** The histories that its subscriptions send. */
  get histories(): HistorySlots {
    return (this.#histories ??= new HistorySlots());
  }

  /** Resolves when the operating system has accepted everything, or the socket has closed. */
  drained(): Promise<void> {
    return this.#writer.drained();
  }

  ping(): void {
    this.#writer.ping();
  }

  /** Answers a WebSocket ping with its own payload. */
  pong(payload: Buffer): void {
    this.#writer.pong(payload);
  }

  /**
   * Starts the closing handshake; nothing is delivered from now on.
   *
   * @param code see {@link CloseCode}; the first counts
   */
  close(code: number, reason = ''): void {
    if (this.closed) return;
    this.stopSending();
    this.#closeCode = code;
    this.webSocket.closeNow(code, fitting(reason));
  }

  /** Writes what is queued and nothing after that: the peer has closed, or a Close frame is about to be sent. */
  stopSending(): void {
    this.#writer.finish();
    this.#state = 'closed';
  }

  /** Ends without a handshake, for a peer that does not answer. */
  terminate(): void {
    this.#writer.abandon();
    this.#state = 'closed';
    this.webSocket.terminate();
  }

  /** The WebSocket has closed: ends the subscriptions. */
  ended(): void {
    this.#writer.abandon();
    this.#state = 'closed';
    for (const subscription of this.#subscriptions) subscription.end();
  }

  /** ws has closed by itself, with this code. */
  closedBySocket(code: number): void {
    this.#closeCode ??= code;
  }

  backlogExceeded(): void {
    this.close(CloseCode.ReaderTooSlow, 'Reader too slow: reconnect and resume');
  }
}

/** The reason if it fits into a Close frame, else none. */
function fitting(reason: string): string {
  return Buffer.byteLength(reason) <= MAX_REASON_BYTES ? reason : '';
}

/**
 * Converts a calendar time to the monotonic clock (`performance.now()`). Deadlines are kept on that clock, so that
 * changes to the wall clock do not move them.
 *
 * @param calendarMs ms since the epoch
 */
function monotonic(calendarMs: number): number {
  return performance.now() + calendarMs - Date.now();
}
