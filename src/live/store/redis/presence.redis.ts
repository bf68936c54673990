import type { Cluster, Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { RedisScript } from './redis-script.js';
import type { RedisConnection } from './redis.connection.js';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import type { ViewerId } from '../../viewer/viewer.js';
import { combined, type ConnectedViewer } from '../../presence/presence.js';
import { PRESENCE_BATCH, SharedPresence } from '../presence.shared.js';

/** The nodes that are alive. Not the name of 0.1.0, whose nodes kept sets: those could not be read as hashes. */
const NODES = 'sallyport:{presence}:alive';

/**
 * A node's heartbeat. KEYS: the nodes. ARGV: this node's id, lease in ms. Removes nodes whose lease has expired.
 */
const BEAT_SCRIPT = new RedisScript(
  'presence',
  `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], ARGV[2])`,
);

/** The nodes that are alive. KEYS: the nodes. */
const NODES_SCRIPT = new RedisScript(
  'presence',
  `
local time = redis.call('TIME')
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. (time[1] * 1000 + math.floor(time[2] / 1000)), '+inf')`,
);

/** Presence over all nodes in Redis: each node has a hash of its viewers and their sockets. */
export class RedisPresence extends SharedPresence {
  readonly #node = randomUUID();
  /** The other nodes, as of the last {@link among}. */
  #others: readonly string[] = [];

  /** @param leaseMs default 10 seconds */
  constructor(
    private readonly redis: RedisConnection,
    leaseMs?: number,
  ) {
    super(leaseMs);
  }

  override async *connected(): AsyncGenerator<readonly ViewerId[]> {
    const nodes = await this.#nodes();
    const seen = new Set<string>();
    for (const node of nodes) {
      let position = '0';
      do {
        const [next, found] = await this.#run((client) => client.hscan(keyOf(node), position, 'COUNT', PRESENCE_BATCH));
        const fresh: ViewerId[] = [];
        for (let at = 0; at < found.length; at += 2) {
          const viewer = found[at] as ViewerId;
          if (seen.has(viewer)) continue;
          seen.add(viewer);
          fresh.push(viewer);
        }
        for (let at = 0; at < fresh.length; at += PRESENCE_BATCH) yield fresh.slice(at, at + PRESENCE_BATCH);
        position = next;
      } while (position !== '0');
    }
  }

  override async among(viewers: readonly ViewerId[]): Promise<ReadonlyMap<ViewerId, ConnectedViewer>> {
    if (viewers.length === 0) return new Map();
    // In one round trip with the list of nodes, which is seldom another one. Only nodes on the new list count.
    const asked = this.#others;
    const [nodes, ...answers] = await Promise.all([
      this.#nodes(),
      ...asked.map((node) => this.#socketsAt(node, viewers)),
    ]);
    const others = nodes.filter((node) => node !== this.#node);
    this.#others = others;
    const elsewhere = await Promise.all(
      others.map(async (node) => answers[asked.indexOf(node)] ?? this.#socketsAt(node, viewers)),
    );
    const found = this.here.among(viewers);
    for (const sockets of elsewhere) {
      viewers.forEach((viewer, index) => {
        const text = sockets[index];
        if (text) found.set(viewer, combined(found.get(viewer), parseSockets(text)));
      });
    }
    return found;
  }

  override async nodes(): Promise<ReadonlySet<string>> {
    return new Set(await this.#nodes());
  }

  protected override async beat(): Promise<boolean> {
    await this.#renew();
    return (await this.#extend()) || this.here.size === 0;
  }

  protected override async report(viewers: readonly ViewerId[]): Promise<boolean> {
    if (!(await this.#extend())) return false;
    const fields = this.#fields(viewers);
    const gone = viewers.filter((viewer) => this.here.find(viewer) === null);
    if (fields.length > 0) await this.#run((client) => client.hset(keyOf(this.#node), ...fields));
    if (gone.length > 0) await this.#run((client) => client.hdel(keyOf(this.#node), ...gone));
    return true;
  }

  /** Writes everything under a new key and replaces the old one atomically. */
  protected override async reportAll(): Promise<void> {
    await this.#renew();
    const batches = [...this.here.batches(PRESENCE_BATCH)];
    const key = keyOf(this.#node);
    const next = nextKeyOf(this.#node);
    await this.#run((client) => client.del(next));
    for (const batch of batches) {
      const fields = this.#fields(batch);
      if (fields.length === 0) continue;
      // Each time, because what follows may fail.
      await this.#run((client) => Promise.all([client.hset(next, ...fields), client.pexpire(next, this.leaseMs)]));
    }
    if (batches.length > 0) await this.#run((client) => client.rename(next, key));
    else await this.#run((client) => client.del(key));
  }

  protected override async leave(): Promise<void> {
    await this.#run((client) =>
      Promise.all([client.zrem(NODES, this.#node), client.del(keyOf(this.#node), nextKeyOf(this.#node))]),
    );
  }

  async #renew(): Promise<void> {
    await this.redis.runScript(BEAT_SCRIPT, [NODES], [this.#node, this.leaseMs]);
  }

  /** Extends the lease of the hash. False if there is none. */
  async #extend(): Promise<boolean> {
    return (await this.#run((client) => client.pexpire(keyOf(this.#node), this.leaseMs))) === 1;
  }

  /** @throws UnavailableError also while Redis refuses writes: no node can then renew its lease */
  async #nodes(): Promise<readonly string[]> {
    if (this.redis.health.state === 'refuses-writes') throw new UnavailableError();
    return (await this.redis.runScript(NODES_SCRIPT, [NODES], [])) as string[];
  }

  /** What a node has reported about each of these viewers; null for those without a socket there. */
  #socketsAt(node: string, viewers: readonly ViewerId[]): Promise<(string | null)[]> {
    return this.#run((client) => client.hmget(keyOf(node), ...viewers));
  }

  /** The hash's fields and values for those of these viewers who are here. */
  #fields(viewers: readonly ViewerId[]): string[] {
    return viewers.flatMap((viewer) => {
      const sockets = this.here.find(viewer);
      return sockets ? [viewer, `${sockets.connections} ${sockets.since.getTime()}`] : [];
    });
  }

  #run<T>(commands: (client: Redis | Cluster) => Promise<T>): Promise<T> {
    return this.redis.run(commands, 'presence');
  }
}

/** Reads what {@link RedisPresence} writes for a viewer: `<sockets> <ms since the epoch>`. */
function parseSockets(text: string): ConnectedViewer {
  const space = text.indexOf(' ');
  return { connections: Number(text.slice(0, space)), since: new Date(Number(text.slice(space + 1))) };
}

function keyOf(node: string): string {
  return `sallyport:{presence:${node}}`;
}

/** The key under which a node writes everything again before it replaces the old one. */
function nextKeyOf(node: string): string {
  return `${keyOf(node)}:next`;
}
