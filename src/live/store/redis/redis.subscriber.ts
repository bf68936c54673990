import { storeFailure } from './redis-failure.js';
import type { RedisLink } from './open-redis.js';
import { SubscriberConnections } from './subscriber-connections.js';

/** Takes a channel's messages, in order. Called synchronously; must not throw. */
export type ChannelListener = (message: string) => void;

/** Who is told of the connections for subscriptions. Called synchronously; must not throw. */
export interface LinkListener {
  /** Messages may be missed from now on. */
  lost(): void;
  /** Every channel is heard again. What was published in between is to be found elsewhere. */
  restored(): void;
}

interface Channel {
  readonly listeners: Set<ChannelListener>;
  /** Settles with Redis's answer to this node's one SUBSCRIBE. */
  readonly confirmed: Promise<unknown>;
}

/** How often each connection is asked for a sign of life, in milliseconds: with the silence that is borne, how late a dead one is noticed. */
const HEARTBEAT_MS = 1_000;

/**
 * The connections for subscriptions: one, or one to each shard of a cluster. However many listen to a channel here, Redis
 * knows of one subscription; the last one to leave ends it. After a lost connection every channel is subscribed again before
 * {@link LinkListener.restored} is called.
 */
export class RedisSubscriber {
  readonly #connections: SubscriberConnections;
  readonly #channels = new Map<string, Channel>();
  readonly #listeners = new Set<LinkListener>();
  readonly #heartbeat: NodeJS.Timeout;
  #isLost = false;
  /** The fence that leaves with the end of this turn: one for all who ask until then. */
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

  /** Opens the connections. Those that cannot be reached are tried again, and until then there is nothing to hear. */
  static async open(link: RedisLink): Promise<RedisSubscriber> {
    const subscriber = new RedisSubscriber(link);
    await subscriber.#connections.open();
    return subscriber;
  }

  /** Whether some channel may be missing messages right now. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /**
   * Listens to a channel; resolves when Redis has confirmed: no message from then on is missed.
   *
   * @returns ends listening; no message follows
   * @throws UnavailableError when Redis, or the shard where the channel lives, is away
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

  /** Adds a listener for what becomes of the connections; the returned function removes it. */
  listen(listener: LinkListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Resolves when every message that Redis sent before this call has been received and handled, on every connection.
   * All who ask in one turn of the loop share one round trip.
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

  /** A connection that does not answer in time is dropped, and tells of it. */
  #beat(): void {
    for (const connection of this.#connections.all()) connection.fence().catch(() => {});
  }
}
