import { storeFailure } from './redis-failure.js';
import type { RedisLink } from './open-redis.js';
import { SubscriberConnections } from './subscriber-connections.js';

/** Receives a channel's messages, in order. Called synchronously; must not throw. */
export type ChannelListener = (message: string) => void;

/** Notified about the connections for subscriptions. Called synchronously; must not throw. */
export interface LinkListener {
  /** Messages may be missed from now on. */
  lost(): void;
  /** Every channel is subscribed again. Messages in between must be read elsewhere. */
  restored(): void;
}

interface Channel {
  readonly listeners: Set<ChannelListener>;
  /** Settles with Redis's reply to this node's SUBSCRIBE. */
  readonly confirmed: Promise<unknown>;
}

/**
 * How often each connection is probed, in milliseconds. With the reply timeout this is how late a dead one is detected.
 */
const HEARTBEAT_MS = 1_000;

/**
 * The connections for subscriptions: one, or one to each shard of a cluster. All listeners of a channel on this node
 * share one subscription in Redis; it ends when the last one leaves. After a lost connection every channel is
 * subscribed again before {@link LinkListener.restored} is called.
 */
export class RedisSubscriber {
  readonly #connections: SubscriberConnections;
  readonly #channels = new Map<string, Channel>();
  readonly #listeners = new Set<LinkListener>();
  readonly #heartbeat: NodeJS.Timeout;
  #isLost = false;
  /** The fence that is sent at the end of this turn of the event loop, shared by all callers until then. */
  #nextFence: Promise<void> | null = null;

  private constructor(link: RedisLink) {
    this.#connections = new SubscriberConnections(link, {
      message: (name, message) => {
        const channel = this.#channels.get(name);
        if (channel) for (const listener of channel.listeners) listener(message);
      },
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
   * Listens to a channel; resolves when Redis has confirmed: no message from then on is missed.
   *
   * @returns a function that stops listening; no message follows
   * @throws UnavailableError when Redis, or the channel's shard, is unavailable
   */
  async subscribe(name: string, listener: ChannelListener): Promise<() => void> {
    let channel = this.#channels.get(name);
    if (!channel)
      this.#channels.set(name, (channel = { listeners: new Set(), confirmed: this.#connections.add(name) }));
    const { listeners, confirmed } = channel;
    listeners.add(listener);
    const leave = (): void => this.#leave(name, listeners, listener);
    try {
      await confirmed;
    } catch (error) {
      leave();
      throw storeFailure(error);
    }
    return leave;
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
    this.#connections.end();
  }

  async #fenceAll(): Promise<void> {
    await Promise.resolve();
    this.#nextFence = null;
    await Promise.all(this.#connections.all().map((connection) => connection.fence()));
  }

  #leave(name: string, listeners: Set<ChannelListener>, listener: ChannelListener): void {
    listeners.delete(listener);
    if (listeners.size > 0 || this.#channels.get(name)?.listeners !== listeners) return;
    this.#channels.delete(name);
    this.#connections.remove(name);
  }

  #lost(): void {
    this.#connections.look();
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
