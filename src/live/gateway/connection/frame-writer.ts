import type { Socket } from 'node:net';
import { type ByteText, PING_FRAME, pongFrame, textFrame } from './frame.js';
import { Injectable } from '@nestjs/common';

/** Something with frames to write at the end of this turn of the event loop. */
export interface Flushable {
  flush(): void;
  /** Flushes if its frames still wait until this time. */
  flushDue(dueMs: number): void;
}

/** Connections whose frames may wait until about the same time share a timer: times are rounded down to these steps. */
const STEP_MS = 2;

/**
 * The list of connections that have something to write. The frames of one turn are joined: every connection on the list
 * writes once, after everything that was read in this turn has been handled. Writing in between costs more, because
 * each write may wake the peer or interrupt the reading of the next socket.
 */
@Injectable()
export class WriteBatcher {
  /** Frames written since the start. */
  frames = 0;
  #waiting: Flushable[] = [];
  /** Connections whose frames may wait, by the time at which they are flushed, in milliseconds. */
  readonly #later = new Map<number, Flushable[]>();
  readonly #flushAll = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) connection.flush();
  };

  /** Flushes this connection at the end of the turn. A connection may be added more than once. */
  add(connection: Flushable): void {
    if (this.#waiting.push(connection) === 1) setImmediate(this.#flushAll);
  }

  /**
   * Flushes this connection within this many milliseconds, as late as possible, so that more frames are joined.
   *
   * @returns when, as `flushDue` will be told
   */
  addLater(connection: Flushable, withinMs: number): number {
    const nowMs = performance.now();
    const dueMs = Math.floor((nowMs + withinMs) / STEP_MS) * STEP_MS;
    const waiting = this.#later.get(dueMs);
    if (waiting) waiting.push(connection);
    else {
      this.#later.set(dueMs, [connection]);
      setTimeout(() => this.#flushLater(dueMs), dueMs - nowMs).unref();
    }
    return dueMs;
  }

  #flushLater(dueMs: number): void {
    const waiting = this.#later.get(dueMs)!;
    this.#later.delete(dueMs);
    for (const connection of waiting) connection.flushDue(dueMs);
  }
}

/** Bytes queued in one turn above which they are written at once. */
const MAX_HELD = 64 * 1024;
/**
 * Bytes that may wait to be sent on a socket: events, replies, errors and pongs. At most one message and the frames of
 * one turn come on top.
 */
const MAX_BACKLOG = 512 * 1024;
/** Bytes of backlog above which callers that can wait should wait. */
const FULL_FROM = 64 * 1024;

/** Notified when a peer reads too slowly. */
export interface WriterOwner {
  /** The backlog limit is exceeded. Called from inside a write; it should end the connection. */
  backlogExceeded(): void;
}

/**
 * Writes the frames of one accepted WebSocket, bypassing ws: each frame is one string, and all frames of one turn of
 * the event loop are joined into one write. ws reads, handles the closing handshake, and writes Close frames;
 * everything else is sent from here.
 *
 * Assumptions about ws. For each there is a test in frame-writer.spec.ts that fails if a new version breaks it:
 *
 * 1. ws writes to the stream that was passed to `handleUpgrade`, so its writes and ours arrive in order.
 * 2. With `autoPong` off, and if `send`, `ping` and `pong` are never called, ws writes only Close frames.
 * 3. ws neither corks the stream nor changes its default encoding: a write here is a write to the operating system.
 * 4. `close()` writes its frame before it returns, so that data flushed earlier precedes it.
 * 5. With `perMessageDeflate` off no extension is negotiated, so a frame's payload is the message.
 * 6. ws answers the peer's Close, and ends after a broken frame, by calling `close()` of the configured class.
 */
export class FrameWriter implements Flushable {
  /** Complete frames that wait. */
  #held = '';
  /** How long they may wait, in milliseconds: 0 until the end of this turn. */
  #heldForMs = 0;
  /** The time that the batcher has set for them; 0 for the end of this turn. */
  #dueMs = 0;
  #draining: Promise<void> | null = null;
  #flushesOnDrain = false;
  #finished = false;

  /**
   * @param stream the upgraded socket
   * @param batcher flushes this at the end of the turn
   */
  constructor(
    private readonly stream: Socket,
    private readonly batcher: WriteBatcher,
    private readonly owner: WriterOwner,
  ) {}

  /** Bytes accepted here and not yet accepted by the operating system. */
  get backlogBytes(): number {
    return this.stream.writableLength + this.#held.length;
  }

  /**
   * Whether the backlog is so large that callers that can wait should wait for {@link drained}. Never while the stream
   * accepts more, as it does for longer on a server with a higher `highWaterMark`: then there is nothing to wait for.
   */
  get isFull(): boolean {
    return this.backlogBytes >= FULL_FROM && !this.#finished && this.stream.writableNeedDrain;
  }

  /**
   * Writes a message, together with others that wait. Does nothing after {@link finish}.
   *
   * @param withinMs how long it may wait for later messages, in milliseconds; 0 until the end of this turn
   */
  text(message: ByteText, withinMs = 0): void {
    if (this.#finished) return;
    this.batcher.frames++;
    this.#hold(textFrame(message), withinMs);
  }

  /** Writes a WebSocket ping. */
  ping(): void {
    this.#hold(PING_FRAME);
  }

  /** Answers a WebSocket ping with its own payload, which is at most 125 bytes (RFC 6455 §5.5.3). */
  pong(payload: Buffer): void {
    this.#hold(pongFrame(payload));
  }

  /**
   * Writes what is queued. A peer that does not read gets full blocks only, so that small frames do not queue one by
   * one.
   */
  flush(): void {
    if (this.#held === '') return;
    // The peer has ended its side, or the network is gone, and the socket has not closed yet.
    if (!this.stream.writable) this.#held = '';
    else if (this.stream.writableLength === 0 || !this.stream.writableNeedDrain) this.#write();
    else if (this.#held.length > MAX_HELD) this.#addToBacklog();
    else this.#flushOnDrain();
  }

  /** Not when earlier frames were due then and have been written sooner. */
  flushDue(dueMs: number): void {
    if (dueMs === this.#dueMs) this.flush();
  }

  /** Writes what is queued and accepts nothing more: a Close frame is about to be sent, or was received. */
  finish(): void {
    if (this.stream.writable) this.#write();
    this.#finished = true;
  }

  /** Accepts nothing more and drops what is queued: the socket has closed. */
  abandon(): void {
    this.#finished = true;
    this.#held = '';
  }

  /** Resolves when the operating system has accepted everything, or the socket has closed. */
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

  #hold(frame: ByteText, withinMs = 0): void {
    if (this.#finished) return;
    if (this.#held === '' || (withinMs < this.#heldForMs && this.#isSooner(withinMs))) {
      this.#heldForMs = withinMs;
      this.#dueMs = 0;
      if (withinMs === 0) this.batcher.add(this);
      else this.#dueMs = this.batcher.addLater(this, withinMs);
    }
    this.#held += frame;
    if (this.#held.length > MAX_HELD) this.flush();
  }

  /** Whether a frame that may wait this long is due before those that have waited already. */
  #isSooner(withinMs: number): boolean {
    return withinMs === 0 || performance.now() + withinMs < this.#dueMs;
  }

  #write(): void {
    const held = this.#held;
    if (held === '') return;
    this.#held = '';
    this.stream.write(held, 'latin1');
  }

  /** The only place where the backlog grows while its peer does not read, so its limit is enforced here. */
  #addToBacklog(): void {
    // As bytes, because a joined string keeps all of its parts in memory until it is written.
    const block = Buffer.from(this.#held, 'latin1');
    this.#held = '';
    this.stream.write(block);
    if (this.stream.writableLength > MAX_BACKLOG) this.owner.backlogExceeded();
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
