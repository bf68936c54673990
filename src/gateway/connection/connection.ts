import type { Socket } from 'node:net';
import type { WebSocket as ProtocolSocket } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { ConnectionFacts } from '../../auth/token/connection-token.verifier.js';
import { SUBPROTOCOL, type RefreshPingPayload } from '../../protocol/payload.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import { type ByteText, PING_FRAME, textFrame, toBytes } from './frame.js';
import { MessageBudget } from './message-budget.js';
import type { Outbox } from './outbox.js';

/** Bytes held for one turn before they are written in any case. */
const MAX_HELD = 64 * 1024;

/** Answers a client's Ping payload; undefined answers with a bare Pong. */
export type PingHandler = (connection: Connection, payload: Partial<RefreshPingPayload> | undefined) => Promise<void>;

/**
 * One accepted WebSocket: what graphql-ws speaks through, and what delivery writes to.
 * It owns no timer and no listener; the shared structures of this folder hold it while it lives.
 */
export class Connection implements ProtocolSocket {
  readonly protocol = SUBPROTOCOL;
  readonly openedAtMs = Date.now();
  readonly budget = new MessageBudget();
  /** Set once, when the token is verified: whoever reads the socket's resolvers' context reads the viewer here. */
  context: GraphqlContext | null = null;
  /** Whether each Next carries a cursor. */
  resumable = false;
  /** Whether the client is told by a Ping where a subscription without an event begins. */
  tellsPositions = false;
  /** When the connection ends unless refreshed, in ms since the epoch; 0 before the ack. */
  expiresAtMs = 0;
  initReceived = false;
  /** Whether the peer was heard since the last keep-alive ping. */
  heard = true;
  closed = false;
  /** Takes the viewer out of presence; set when admitted. */
  leave: (() => void) | null = null;
  onText: ((text: string) => Promise<void>) | null = null;
  /** Whole frames that wait for the end of this turn. */
  #held = '';
  #draining: Promise<void> | null = null;

  constructor(
    private readonly webSocket: WebSocket,
    private readonly stream: Socket,
    readonly facts: ConnectionFacts,
    private readonly outbox: Outbox,
    private readonly answerPing: PingHandler,
  ) {}

  /** Bytes accepted here and not yet taken by the operating system. */
  get backlogBytes(): number {
    return this.stream.writableLength + this.#held.length;
  }

  /** Writes a message at the end of this turn, joined with the others of the turn. Nothing after the close. */
  push(message: ByteText): void {
    if (this.closed) return;
    this.outbox.frames++;
    if (this.#held === '') {
      this.#held = textFrame(message);
      this.outbox.add(this);
    } else {
      this.#held += textFrame(message);
    }
    if (this.#held.length > MAX_HELD) this.flush();
  }

  /** Writes what is held. */
  flush(): void {
    const held = this.#held;
    if (held === '') return;
    this.#held = '';
    if (this.stream.writable) this.stream.write(held, 'latin1');
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
    this.flush();
    if (this.stream.writable) this.stream.write(PING_FRAME, 'latin1');
  }

  /** Starts the closing handshake. Nothing is delivered from now on. The first call decides the code, one of protocol/close-code.ts. */
  close(code: number, reason = ''): void {
    if (this.closed) return;
    this.flush();
    this.closed = true;
    this.webSocket.close(code, reason);
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
}
