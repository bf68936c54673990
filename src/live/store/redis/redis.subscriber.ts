import { storeFailure } from './redis-failure.js';
import type { RedisLink } from './open-redis.js';
import { SubscriberConnections } from './subscriber-connections.js';

/** Receives a channel's messages. */
export interface ChannelListener {
  /** Called with each message, in order. Called synchronously; must not throw. */
  receive(message: string): void;
}

/** Notified about the connections for subscriptions. Called synchronously; must not throw. */
export interface LinkListener {
  /** Messages may be missed from now on. */
  lost(): void;
  /** Every channel is subscribed again. Messages in between must be read elsewhere. */
  restored(): void;
}

/**
 * How often each connection is probed, in milliseconds. With the reply timeout this is how late a dead one is detected.
 */
const HEARTBEAT_MS = 1_000;

/**
 * The connections for subscriptions: one, or one to each shard of a cluster. A channel has one listener on this node.
 * After a lost connection every channel is subscribed again before {@link LinkListener.restored} is called.
 */
export class RedisSubscriber {
  readonly #connections: SubscriberConnections;
  readonly #channels = new Map<string, ChannelListener>();
  /** Those that Redis has not confirmed yet. */
  readonly #unconfirmed = new Map<string, Promise<void>>();
  readonly #listeners = new Set<LinkListener>();
  readonly #heartbeat: NodeJS.Timeout;
  #isLost = false;
  /** The fence that is sent at the end of this turn of the event loop, shared by all callers until then. */
  #nextFence: Promise<void> | null = null;

  private constructor(link: RedisLink) {
    this.#connections = new SubscriberConnections(link, {
      message: (name, message) => this.#channels.get(name)?.receive(message),
      lost: () => this.#lost(),
      ready: () => this.#ready(),
    });
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
  }

  /** Opens the connections. Unreachable ones are retried, and deliver no messages until then. */
  static async open(link: RedisLink): Promise<RedisSubscriber> {
    const subscriber = new RedisSubscriber(link);
    await subscriber.#connections.open();
    return subscriber;
  }

  /** How many connections are subscribed. */
  get openConnections(): number {
    return this.#connections.all().filter(({ isReady }) => isReady).length;
  }

  /** Whether a channel may be missing messages right now. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /**
   * Subscribes a channel; resolves when Redis has confirmed: no message from then on is missed. If it is subscribed
   * already, its listener stays, and this only waits for the confirmation.
   *
   * @throws UnavailableError when Redis, or the channel's shard, is unavailable; the channel is then not subscribed
   */
  async subscribe(name: string, listener: ChannelListener): Promise<void> {
    if (!this.#channels.has(name)) {
      this.#channels.set(name, listener);
      this.#unconfirmed.set(name, this.#connections.add(name));
    }
    const confirmed = this.#unconfirmed.get(name);
    if (!confirmed) return;
    try {
      await confirmed;
      if (this.#unconfirmed.get(name) === confirmed) this.#unconfirmed.delete(name);
    } catch (error) {
      if (this.#unconfirmed.get(name) === confirmed) this.unsubscribe(name);
      throw storeFailure(error);
    }
  }

  /** Ends a channel's subscription: no message follows. Does nothing if there is none. */
  unsubscribe(name: string): void {
    this.#unconfirmed.delete(name);
    if (this.#channels.delete(name)) this.#connections.remove(name);
  }

  /** Adds a listener for lost and restored connections; the returned function removes it. */
  listen(listener: LinkListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Resolves when every message that Redis sent before this call has been received and handled, on every connection.
   * Calls in one turn of the event loop share one round trip.
   *
   * @throws UnavailableError when a connection is lost or silent
   */
  fence(): Promise<void> {
    return (this.#nextFence ??= this.#fenceAll());
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.#channels.clear();
    this.#unconfirmed.clear();
    this.#connections.end();
  }

  async #fenceAll(): Promise<void> {
    await Promise.resolve();
    this.#nextFence = null;
    await Promise.all(this.#connections.all().map((connection) => connection.fence()));
  }

  #lost(): void {
    this.#connections.refreshSlots();
    if (this.#isLost) return;
    this.#isLost = true;
    for (const { lost } of this.#listeners) lost();
  }

  #ready(): void {
    if (!this.#isLost || !this.#connections.areReady) return;
    this.#isLost = false;
    for (const { restored } of this.#listeners) restored();
  }

  /** A connection that does not answer in time is dropped, and its listeners are notified. */
  #beat(): void {
    for (const connection of this.#connections.all()) connection.fence().catch(() => {});
  }
}
