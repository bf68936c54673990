import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { UnavailableError } from '../../errors/sallyport.errors.js';

/** Channels in one SUBSCRIBE; SSUBSCRIBE accepts channels of one slot only, so there each is sent alone. */
const BATCH = 500;
const RESTORE_AGAIN_MS = 250;

/** Notified about a connection. */
export interface SubscriberConnectionListener {
  message(channel: string, message: string): void;
  /** Called when messages may have been missed: the connection broke, or channels moved to another server. */
  lost(connection: SubscriberConnection): void;
  /** Called when every channel of the connection has been confirmed, again or for the first time. */
  ready(connection: SubscriberConnection): void;
}

/**
 * The changes of one turn of the event loop, sent together: a command for each channel costs a write and a promise. Not
 * with SSUBSCRIBE, where each channel is sent alone and may fail alone, while its slot moves.
 */
interface Changes {
  /** Channels to subscribe. */
  readonly added: Set<string>;
  /** Channels to unsubscribe, before that. */
  readonly removed: Set<string>;
  /** Settles when the server has confirmed `added`. */
  readonly confirmed: Promise<void>;
}

/**
 * One connection for subscriptions, with its channels. After a lost connection they are subscribed again; only then is
 * it ready.
 */
export class SubscriberConnection {
  readonly channels = new Set<string>();
  /** Channels that the server has not yet confirmed on this connection. */
  readonly #pending = new Set<string>();
  /** What is sent at the end of this turn of the event loop. */
  #next: Changes | null = null;
  readonly #opened: Promise<void>;
  #isReady = false;
  #isOver = false;
  #retry: NodeJS.Timeout | undefined;

  /** @param sharded whether channels belong to slots (SSUBSCRIBE, Redis 7 or newer) */
  constructor(
    private readonly client: Redis,
    private readonly sharded: boolean,
    private readonly owner: SubscriberConnectionListener,
  ) {
    client.on(sharded ? 'smessage' : 'message', (channel: string, message: string) => owner.message(channel, message));
    client.on('ready', () => void this.#restore());
    client.on('close', () => this.#lose());
    // A slot has moved to another member, with its channels.
    client.on('moved', () => this.#lose());
    this.#opened = client.connect().then(
      () => this.#restore(),
      () => {},
    );
  }

  /** Whether every channel on it is confirmed. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Resolves when the first attempt to connect has succeeded or failed; after a failure it keeps retrying. */
  get opened(): Promise<void> {
    return this.#opened;
  }

  /**
   * Adds a channel; resolves when the server has confirmed it.
   *
   * @throws UnavailableError while the connection is not ready; the channel is not added
   */
  async add(name: string): Promise<void> {
    if (!this.#isReady) throw new UnavailableError();
    this.channels.add(name);
    if (this.sharded) return this.#request([name]);
    const { added, confirmed } = this.#changes();
    added.add(name);
    await confirmed;
  }

  /** Takes over a channel from another connection. The connection is ready again when it is confirmed. */
  adopt(name: string): void {
    this.channels.add(name);
    this.#pending.add(name);
    if (!this.#isReady) return;
    this.#isReady = false;
    this.owner.lost(this);
    void this.#restore();
  }

  remove(name: string): void {
    this.#pending.delete(name);
    if (!this.channels.delete(name) || this.client.status !== 'ready') return;
    if (this.sharded) return this.#unsubscribe([name]);
    const { added, removed } = this.#changes();
    if (!added.delete(name)) removed.add(name);
  }

  /**
   * Resolves when everything that the server had sent before this call has been received.
   *
   * @throws UnavailableError when the connection is lost meanwhile, or the server does not answer
   */
  async fence(): Promise<void> {
    if (!this.#isReady) throw new UnavailableError();
    try {
      await this.client.ping();
    } catch (error) {
      throw new UnavailableError(undefined, { cause: error });
    }
  }

  /** Closes it permanently. */
  end(): void {
    this.#isOver = true;
    this.#isReady = false;
    clearTimeout(this.#retry);
    this.channels.clear();
    this.client.disconnect();
  }

  async #restore(): Promise<void> {
    if (this.#isReady) return;
    const names = [...this.#pending];
    try {
      await this.#request(names);
    } catch {
      // Lost again, or a slot is moving to another member.
      this.#restoreLater();
      return;
    }
    if (this.#isOver || this.#isReady || this.client.status !== 'ready') return;
    for (const name of names) this.#pending.delete(name);
    if (this.#pending.size > 0) return this.#restore();
    this.#isReady = true;
    this.owner.ready(this);
  }

  #restoreLater(): void {
    clearTimeout(this.#retry);
    if (this.#isOver || this.client.status !== 'ready') return;
    this.#retry = setTimeout(() => void this.#restore(), RESTORE_AGAIN_MS).unref();
  }

  #lose(): void {
    if (this.#isOver) return;
    for (const name of this.channels) this.#pending.add(name);
    this.#isReady = false;
    this.owner.lost(this);
    this.#restoreLater();
  }

  #changes(): Changes {
    return (this.#next ??= { added: new Set(), removed: new Set(), confirmed: this.#sendChanges() });
  }

  async #sendChanges(): Promise<void> {
    await endOfTurn();
    const { added, removed } = this.#next!;
    this.#next = null;
    this.#unsubscribe([...removed]);
    await this.#request([...added]);
  }

  async #request(names: readonly string[]): Promise<void> {
    const requests = batches(names, this.sharded ? 1 : BATCH).map((some) =>
      this.sharded ? this.client.ssubscribe(...some) : this.client.subscribe(...some),
    );
    await Promise.all(requests);
  }

  #unsubscribe(names: readonly string[]): void {
    for (const some of batches(names, BATCH)) {
      const ended = this.sharded ? this.client.sunsubscribe(...some) : this.client.unsubscribe(...some);
      // A connection that is lost has lost its subscriptions as well.
      ended.catch(() => {});
    }
  }
}

function batches(names: readonly string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(names.length / size) }, (_, at) => names.slice(at * size, (at + 1) * size));
}
