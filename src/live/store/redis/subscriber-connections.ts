import { Cluster, Command } from 'ioredis';
import type { RedisPlace } from './redis-url.js';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import type { RedisLink } from './open-redis.js';
import { type SubscriberConnectionListener, SubscriberConnection } from './subscriber-connection.js';

/** How soon a cluster is asked again for its slots while some channels are not confirmed, in milliseconds. */
const REFRESH_AGAIN_MS = 250;
/** The name of the only connection when Redis is not a cluster. */
const ONLY = '';

/**
 * The connections for subscriptions: one, or one to each master of a cluster with sharded pub/sub. ioredis could manage
 * these itself, but reports neither that a shard was lost nor that its channels are confirmed again.
 */
export class SubscriberConnections {
  readonly #connections = new Map<string, SubscriberConnection>();
  /** The slots of the channels. Computing one takes 3 µs, and every refresh asks for all of them. */
  readonly #slots = new Map<string, number>();
  readonly #cluster: Cluster | null;
  #refreshAgain: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(
    private readonly link: RedisLink,
    private readonly owner: SubscriberConnectionListener,
  ) {
    this.#cluster = link.client instanceof Cluster ? link.client : null;
    this.#cluster?.on('refresh', this.#follow);
  }

  /** Opens the connections; unreachable ones are retried. */
  async open(): Promise<void> {
    this.#follow();
    await Promise.all(this.all().map((connection) => connection.opened));
  }

  /** Whether every channel is confirmed. */
  get areReady(): boolean {
    return this.#connections.size > 0 && this.all().every((connection) => connection.isReady);
  }

  /** Subscribes a channel on its shard; see {@link SubscriberConnection.add}. */
  async add(name: string): Promise<void> {
    const connection = this.#connections.get(this.#keyOf(name));
    if (!connection) throw new UnavailableError();
    await connection.add(name);
  }

  remove(name: string): void {
    this.#slots.delete(name);
    for (const connection of this.#connections.values()) connection.remove(name);
  }

  all(): SubscriberConnection[] {
    return [...this.#connections.values()];
  }

  end(): void {
    this.#isOver = true;
    clearTimeout(this.#refreshAgain);
    this.#cluster?.off('refresh', this.#follow);
    for (const connection of this.#connections.values()) connection.end();
    this.#connections.clear();
  }

  /** Asks a cluster for its slots until every channel is confirmed. Called when a connection was lost. */
  refreshSlots(): void {
    if (!this.#cluster || this.#isOver || this.#refreshAgain) return;
    this.#cluster.refreshSlotsCache(() => {});
    this.#refreshAgain = setTimeout(() => {
      this.#refreshAgain = undefined;
      if (!this.areReady) this.refreshSlots();
    }, REFRESH_AGAIN_MS).unref();
  }

  /** Updates the connections to the members that have slots, and moves each channel to the connection of its shard. */
  readonly #follow = (): void => {
    if (this.#isOver) return;
    const members = this.#members();
    for (const [key, place] of members) {
      if (!this.#connections.has(key))
        this.#connections.set(
          key,
          new SubscriberConnection(this.link.openSubscriber(place), this.link.shardedPubSub, this.owner),
        );
    }
    for (const [key, connection] of this.#connections) {
      for (const name of connection.channels) this.#move(name, connection);
      // Remaining channels are those of slots that no member serves right now.
      if (members.has(key) || connection.channels.size > 0) continue;
      this.#connections.delete(key);
      connection.end();
      // It may have been the last one that was lost, and will not be ready again.
      this.owner.ready(connection);
    }
  };

  #move(name: string, from: SubscriberConnection): void {
    const to = this.#connections.get(this.#keyOf(name));
    if (!to || to === from) return;
    from.remove(name);
    to.adopt(name);
  }

  #members(): Map<string, RedisPlace | undefined> {
    if (!this.#cluster) return new Map([[ONLY, undefined]]);
    const masters = new Set(this.#cluster.slots.flatMap((keys) => keys?.slice(0, 1) ?? []));
    const members = [...masters].map((key): [string, RedisPlace] => [key, placeOf(key)]);
    return new Map(this.link.shardedPubSub ? members : members.slice(0, 1));
  }

  /** Before Redis 7 a cluster sends every message to every member, so the first master is used. */
  #keyOf(channel: string): string {
    if (!this.#cluster) return ONLY;
    const slot = this.link.shardedPubSub ? this.#slotOf(channel) : 0;
    return this.#cluster.slots[slot]?.[0] ?? ONLY;
  }

  #slotOf(channel: string): number {
    let slot = this.#slots.get(channel);
    if (slot === undefined) this.#slots.set(channel, (slot = new Command('ssubscribe', [channel]).getSlot()));
    return slot;
  }
}

function placeOf(key: string): RedisPlace {
  const colon = key.lastIndexOf(':');
  return { host: key.slice(0, colon), port: Number(key.slice(colon + 1)) };
}
