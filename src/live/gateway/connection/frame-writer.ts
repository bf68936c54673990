import type { Socket } from 'node:net';
import { type ByteText, PING_FRAME, pongFrame, textFrame } from './frame.js';
import type { Flushable, WriteBatcher } from './write-batcher.js';

/** Bytes held for one turn before they are written in any case. */
const MAX_HELD = 64 * 1024;
/**
 * Bytes that a socket may be owed: events, answers, errors and pongs alike. Memory beyond it is one message and what is held.
 */
const MAX_BACKLOG = 512 * 1024;
/** Bytes queued on a socket from which whatever can wait does. */
const FULL_FROM = 64 * 1024;

/** Who is told that a peer takes too little. */
export interface WriterOwner {
  /** The peer is owed more than it may be. Called from inside a write; it should end the connection. */
  backlogExceeded(): void;
}

/**
 * Writes the frames of one accepted WebSocket, past ws: each frame is one string, those of one turn of the loop are joined, and a
 * turn is one write. ws reads, keeps the closing handshake, and writes Close frames; everything else that is sent goes through here.
 *
 * What this takes for granted of ws, each with a test in frame-writer.spec.ts that fails where a new version does otherwise:
 *
 * 1. The stream that `handleUpgrade` was given is the one that ws writes to: what both write arrives in the order of the writes.
 * 2. ws writes nothing by itself but Close frames, with `autoPong` off and `send`, `ping` and `pong` never called.
 * 3. ws leaves the stream uncorked and its default encoding alone: a write here is a write to the system.
 * 4. `close()` writes its frame before it returns, so that what was flushed before stands before it.
 * 5. No extension is agreed on, with `perMessageDeflate` off: a frame's bytes are the message's.
 * 6. ws answers the peer's Close, and ends after a broken frame, by calling `close()` of the class that it was given.
 */
export class FrameWriter implements Flushable {
  /** Whole frames that wait for the end of this turn. */
  #held = '';
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

  /** Bytes accepted here and not yet taken by the operating system. */
  get backlogBytes(): number {
    return this.stream.writableLength + this.#held.length;
  }

  /** Whether so much is queued that whatever can wait should wait for {@link drained}. */
  get isFull(): boolean {
    return this.backlogBytes >= FULL_FROM && !this.#finished && this.stream.writable;
  }

  /** Writes a message at the end of this turn, joined with the others of the turn. Nothing after {@link finish}. */
  text(message: ByteText): void {
    if (this.#finished) return;
    this.batcher.frames++;
    this.#hold(textFrame(message));
  }

  /** Writes a WebSocket ping. */
  ping(): void {
    this.#hold(PING_FRAME);
  }

  /** Answers a WebSocket ping with its own payload, which is at most 125 bytes (RFC 6455 §5.5.3). */
  pong(payload: Buffer): void {
    this.#hold(pongFrame(payload));
  }

  /** Writes what is held. A peer that takes nothing gets whole blocks only, so that small frames do not queue one by one. */
  flush(): void {
    if (this.#held === '' || !this.stream.writable) return;
    if (this.stream.writableLength === 0 || !this.stream.writableNeedDrain) this.#write();
    else if (this.#held.length > MAX_HELD) this.#queue();
    else this.#flushOnDrain();
  }

  /** Writes what is held, and takes nothing any more: a Close frame is about to follow, or has come. */
  finish(): void {
    if (this.stream.writable) this.#write();
    this.#finished = true;
  }

  /** Takes nothing any more, and drops what is held: the socket is gone. */
  abandon(): void {
    this.#finished = true;
    this.#held = '';
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

  #hold(frame: ByteText): void {
    if (this.#finished) return;
    if (this.#held === '') {
      this.#held = frame;
      this.batcher.add(this);
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
