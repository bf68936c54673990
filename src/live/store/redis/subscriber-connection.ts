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
 * One connection for subscriptions, with its channels. After a lost connection they are subscribed again; only then is
 * it ready.
 */
export class SubscriberConnection {
  readonly channels = new Set<string>();
  /** Channels that the server has not yet confirmed on this connection. */
  readonly #pending = new Set<string>();
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
    await this.#request([name]);
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
    const ended = this.sharded ? this.client.sunsubscribe(name) : this.client.unsubscribe(name);
    // A connection that is lost has lost its subscriptions as well.
    ended.catch(() => {});
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

  async #request(names: readonly string[]): Promise<void> {
    const batch = this.sharded ? 1 : BATCH;
    const requests: Promise<unknown>[] = [];
    for (let at = 0; at < names.length; at += batch) {
      const some = names.slice(at, at + batch);
      requests.push(this.sharded ? this.client.ssubscribe(...some) : this.client.subscribe(...some));
    }
    await Promise.all(requests);
  }
}
