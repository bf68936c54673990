import type { Socket } from 'node:net';
import type { WebSocket as ProtocolSocket } from 'graphql-ws';
import type { Grant } from '../connection-authenticator.js';
import type { ConnectionFacts } from './connection-facts.js';
import { SUBPROTOCOL, type RefreshPingPayload } from '../../../protocol/payload.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import { CloseCode } from '../../../protocol/close-code.js';
import { type ByteText, PING_FRAME, pongFrame, textFrame, toBytes } from './frame.js';
import { MessageBudget } from './message-budget.js';
import type { Outbox } from './outbox.js';

/** Bytes held for one turn before they are written in any case. */
const MAX_HELD = 64 * 1024;
/**
 * Bytes that a socket may be owed: events, answers, errors and pongs alike. Memory beyond it is one message and what is held.
 */
const MAX_BACKLOG = 512 * 1024;
/** Bytes queued on a socket from which whatever can wait does. */
const FULL_FROM = 64 * 1024;
/** The longest reason of a Close frame, in bytes (RFC 6455 §5.5). */
const MAX_REASON = 123;

/** How a connection ends its WebSocket. */
export interface EndableSocket {
  /** Starts the closing handshake at once. */
  closeNow(code: number, reason: string): void;
  /** Ends without a handshake. */
  terminate(): void;
}

/** Answers a client's Ping payload; undefined answers with a bare Pong. */
export type PingHandler = (connection: Connection, payload: Partial<RefreshPingPayload> | undefined) => Promise<void>;

/**
 * One accepted WebSocket: what graphql-ws speaks through, and what delivery writes to.
 * It owns no timer and no listener; the shared structures of this folder hold it while it lives.
 */
export class Connection implements ProtocolSocket {
  readonly protocol = SUBPROTOCOL;
  /** On the monotonic clock, as every deadline of a connection is. */
  readonly openedAtMs = performance.now();
  readonly budget = new MessageBudget();
  /** What the verified token is good for; null before the ack. */
  grant: Grant | null = null;
  /** Set once, when the token is verified: whoever reads the socket's resolvers' context reads the viewer here. */
  context: GraphqlContext | null = null;
  /** Whether each Next carries a cursor. */
  resumable = false;
  /** Whether the client is told by a Ping where a subscription without an event begins. */
  tellsPositions = false;
  /** When the connection ends unless refreshed, on the monotonic clock; 0 before the ack. */
  endsAtMs = 0;
  initReceived = false;
  /** The length of the message that is being read, in bytes. */
  messageBytes = 0;
  /** Whether the peer was heard since the last keep-alive ping. */
  heard = true;
  closed = false;
  /** The code that this side has closed with; null while it has not. */
  closeCode: number | null = null;
  /** Takes the viewer out of presence; set when admitted. */
  leavePresence: (() => void) | null = null;
  /** Tells graphql-ws that the socket has closed; set when it has taken the connection. */
  protocolClosed: ((code?: number, reason?: string) => Promise<void>) | null = null;
  onText: ((text: string) => Promise<void>) | null = null;
  /** Whole frames that wait for the end of this turn. */
  #held = '';
  #draining: Promise<void> | null = null;
  #flushesOnDrain = false;

  constructor(
    private readonly webSocket: EndableSocket,
    private readonly stream: Socket,
    readonly facts: ConnectionFacts,
    private readonly outbox: Outbox,
    private readonly answerPing: PingHandler,
  ) {}

  /** Bytes accepted here and not yet taken by the operating system. */
  get backlogBytes(): number {
    return this.stream.writableLength + this.#held.length;
  }

  /** Whether so much is queued that whatever can wait should wait for {@link drained}. */
  get isFull(): boolean {
    return this.backlogBytes >= FULL_FROM && !this.closed && this.stream.writable;
  }

  /** Whether the peer may send one more frame now; closes with 1008 where it may not. */
  withinBudget(): boolean {
    if (this.closed) return false;
    if (this.budget.take(performance.now())) return true;
    this.close(CloseCode.PolicyViolation, 'Too many messages');
    return false;
  }

  /** Writes a message at the end of this turn, joined with the others of the turn. Nothing after the close. */
  push(message: ByteText): void {
    if (this.closed) return;
    this.outbox.frames++;
    this.#hold(textFrame(message));
  }

  /** Writes what is held. A peer that takes nothing gets whole blocks only, so that small frames do not queue one by one. */
  flush(): void {
    if (this.#held === '' || !this.stream.writable) return;
    if (this.stream.writableLength === 0 || !this.stream.writableNeedDrain) this.#write();
    else if (this.#held.length > MAX_HELD) this.#queue();
    else this.#flushOnDrain();
  }

  /** Resolves when the operating system has taken everything, or the socket is gone. */
  drained(): Promise<void> {
    this.flush();
    if (!this.stream.writableNeedDrain) return Promise.resolve();
    // One wait for all of this socket's subscriptions: a hundred of them would be a hundred listeners.
    return (this.#draining ??= new Promise((resolve) => {
      const done = (): void => {
        this.#draining = null;
        this.stream.off('drain', done).off('close', done);
        resolve();
      };
      this.stream.once('drain', done).once('close', done);
    }));
  }

  /** graphql-ws sends through this and awaits it: a slow reader holds back whatever is pulled, not pushed. */
  send(text: string): void | Promise<void> {
    this.push(toBytes(text));
    if (this.backlogBytes > MAX_HELD) return this.drained();
  }

  /** Sends a WebSocket ping. */
  ping(): void {
    if (!this.closed) this.#hold(PING_FRAME);
  }

  /** Answers a WebSocket ping with its own payload, which is at most 125 bytes (RFC 6455 §5.5.3). */
  pong(payload: Buffer): void {
    if (!this.closed) this.#hold(pongFrame(payload));
  }

  /** Starts the closing handshake. Nothing is delivered from now on. The first call decides the code, one of protocol/close-code.ts. */
  close(code: number, reason = ''): void {
    if (this.closed) return;
    this.leave();
    this.closeCode = code;
    this.webSocket.closeNow(code, shortened(reason));
  }

  /** Writes what is held and nothing more: the peer has closed, or is about to be told that we do. */
  leave(): void {
    if (this.stream.writable) this.#write();
    this.closed = true;
  }

  /** Ends without a handshake, for a peer that does not answer. */
  terminate(): void {
    this.closed = true;
    this.webSocket.terminate();
  }

  onMessage(listener: (text: string) => Promise<void>): void {
    this.onText = listener;
  }

  onPing(payload: Record<string, unknown> | undefined): Promise<void> {
    return this.answerPing(this, payload);
  }

  #hold(frame: ByteText): void {
    if (this.#held === '') {
      this.#held = frame;
      this.outbox.add(this);
    } else {
      this.#held += frame;
    }
    if (this.#held.length > MAX_HELD) this.flush();
  }

  #write(): void {
    const held = this.#held;
    if (held === '') return;
    this.#held = '';
    this.stream.write(held, 'latin1');
  }

  /** The one place where a queue of the socket's grows: it is bounded here, whatever is in it. */
  #queue(): void {
    // As bytes: joined text keeps all of its parts until it is written.
    const block = Buffer.from(this.#held, 'latin1');
    this.#held = '';
    this.stream.write(block);
    if (this.stream.writableLength <= MAX_BACKLOG) return;
    this.close(CloseCode.ReaderTooSlow, 'Reader too slow: reconnect and resume');
  }

  #flushOnDrain(): void {
    if (this.#flushesOnDrain) return;
    this.#flushesOnDrain = true;
    this.stream.once('drain', () => {
      this.#flushesOnDrain = false;
      this.flush();
    });
  }
}

function shortened(reason: string): string {
  return Buffer.byteLength(reason) <= MAX_REASON ? reason : '';
}
