import type { Cluster, Redis } from 'ioredis';
import { UnavailableError } from '../errors/sallyport.errors.js';
import type { RedisLink } from './open-redis.js';
import { storeFailure } from './redis-failure.js';

/** Takes a channel's messages, in order. Called synchronously; must not throw. */
export type ChannelListener = (message: string) => void;

interface Channel {
  readonly listeners: Set<ChannelListener>;
  /** Settles with Redis's answer to this node's one SUBSCRIBE. */
  readonly confirmed: Promise<unknown>;
}

const HEARTBEAT_MS = 5_000;
/** Channels in one SUBSCRIBE after a reconnect. */
const RESTORE_BATCH = 500;

/**
 * The one connection for subscriptions. However many listen to a channel here, Redis knows of one subscription;
 * the last one to leave ends it. After a lost connection every channel is subscribed again before
 * {@link onReconnected} hooks run: what was published in between is for them to find.
 */
export class RedisSubscriber {
  readonly #client: Redis | Cluster;
  readonly #channels = new Map<string, Channel>();
  readonly #hooks = new Set<() => void>();
  readonly #heartbeat: NodeJS.Timeout;
  /** Settles when the channels stand again after a reconnect. Never rejects. */
  #restoring: Promise<void> | null = null;

  constructor(private readonly link: RedisLink) {
    this.#client = link.subscriber;
    this.#client.on(link.shardedPubSub ? 'smessage' : 'message', (name: string, message: string) => {
      const channel = this.#channels.get(name);
      if (channel) for (const listener of channel.listeners) listener(message);
    });
    if (!this.#client.isCluster) this.#client.on('ready', () => void (this.#restoring = this.#restore()));
    this.#client.on('error', () => {
      // RedisConnection tells of the outage; both connections lead to the same Redis.
    });
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS).unref();
  }

  /**
   * Listens to a channel; resolves when Redis has confirmed: no message from then on is missed.
   *
   * @returns ends listening; no message follows
   * @throws UnavailableError when Redis is away
   */
  async subscribe(name: string, listener: ChannelListener): Promise<() => void> {
    if (this.#client.status !== 'ready') throw new UnavailableError();
    await this.#restoring;
    let channel = this.#channels.get(name);
    if (!channel) this.#channels.set(name, (channel = { listeners: new Set(), confirmed: this.#request([name]) }));
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

  /** Adds a hook that runs each time the channels stand again after a lost connection; the returned function removes it. */
  onReconnected(hook: () => void): () => void {
    this.#hooks.add(hook);
    return () => void this.#hooks.delete(hook);
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.#channels.clear();
    this.#client.disconnect();
  }

  #request(names: string[]): Promise<unknown> {
    return this.link.shardedPubSub ? this.#client.ssubscribe(...names) : this.#client.subscribe(...names);
  }

  #leave(name: string, listeners: Set<ChannelListener>, listener: ChannelListener): void {
    listeners.delete(listener);
    if (listeners.size > 0 || this.#channels.get(name)?.listeners !== listeners) return;
    this.#channels.delete(name);
    const ended = this.link.shardedPubSub ? this.#client.sunsubscribe(name) : this.#client.unsubscribe(name);
    // A connection that is lost has lost its subscriptions as well.
    ended.catch(() => {});
  }

  async #restore(): Promise<void> {
    const names = [...this.#channels.keys()];
    try {
      const batches: Promise<unknown>[] = [];
      for (let at = 0; at < names.length; at += RESTORE_BATCH)
        batches.push(this.#request(names.slice(at, at + RESTORE_BATCH)));
      await Promise.all(batches);
    } catch {
      return; // Lost again: the next `ready` starts over.
    }
    for (const hook of this.#hooks) hook();
  }

  async #beat(): Promise<void> {
    if (this.#client.isCluster || this.#client.status !== 'ready') return;
    await this.#client.ping().catch(() => {});
  }
}
