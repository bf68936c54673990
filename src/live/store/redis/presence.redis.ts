import { randomUUID } from 'node:crypto';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { RedisScript } from './redis-script.js';
import type { RedisConnection } from './redis.connection.js';
import type { ViewerId } from '../../viewer/viewer.js';
import { LocalPresence } from '../../presence/local-presence.js';
import { type ConnectedViewer, Presence, type PresenceListener, together } from '../../presence/presence.js';

/** How long a node counts as alive after its last heartbeat, in milliseconds. */
const LEASE_MS = 15_000;
/** Changes within this time are sent together, in milliseconds. */
const REPORT_EVERY_MS = 50;
const BATCH = 1_000;
/** The nodes that are alive. Not the name of 0.1.0, whose nodes kept sets: those could not be read as hashes. */
const NODES = 'sallyport:{presence}:alive';

/**
 * A node's heartbeat. KEYS: the nodes. ARGV: this node's id, lease in ms. Removes nodes whose lease has expired.
 */
const BEAT_SCRIPT = new RedisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

/** The nodes that are alive. KEYS: the nodes. */
const NODES_SCRIPT = new RedisScript(`
local time = redis.call('TIME')
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. (time[1] * 1000 + math.floor(time[2] / 1000)), '+inf')`);

/**
 * Presence over all nodes: each keeps one hash of its viewers and their sockets, with one lease. The cost of a heartbeat
 * does not depend on the number of viewers, and a crashed node is removed when its lease of 15 seconds expires.
 */
export class RedisPresence extends Presence implements BeforeApplicationShutdown {
  readonly #node = randomUUID();
  readonly #changed = new Set<ViewerId>();
  readonly #here = new LocalPresence((viewer) => this.#note(viewer));
  readonly #heartbeat: NodeJS.Timeout;
  #reporting: NodeJS.Timeout | null = null;
  /** Runs exchanges with Redis one after the other. Never rejects. */
  #exchange: Promise<void> = Promise.resolve();
  /** False if it is unknown what Redis has for this node: everything is then sent. */
  #isKnown = false;
  #isOver = false;

  /** @param leaseMs default 15 seconds; the heartbeat is sent three times as often */
  constructor(
    private readonly redis: RedisConnection,
    private readonly leaseMs = LEASE_MS,
  ) {
    super();
    this.#heartbeat = setInterval(() => this.#enqueue(() => this.#beat()), leaseMs / 3).unref();
  }

  override enter(viewer: ViewerId): () => void {
    return this.#here.enter(viewer);
  }

  override async *connected(): AsyncGenerator<readonly ViewerId[]> {
    const nodes = await this.#nodes();
    const seen = new Set<string>();
    for (const node of nodes) {
      let position = '0';
      do {
        const [next, found] = await this.redis.run((client) => client.hscan(keyOf(node), position, 'COUNT', BATCH));
        const fresh: ViewerId[] = [];
        for (let at = 0; at < found.length; at += 2) {
          const viewer = found[at] as ViewerId;
          if (seen.has(viewer)) continue;
          seen.add(viewer);
          fresh.push(viewer);
        }
        for (let at = 0; at < fresh.length; at += BATCH) yield fresh.slice(at, at + BATCH);
        position = next;
      } while (position !== '0');
    }
  }

  override async among(viewers: readonly ViewerId[]): Promise<ReadonlyMap<ViewerId, ConnectedViewer>> {
    if (viewers.length === 0) return new Map();
    const others = (await this.#nodes()).filter((node) => node !== this.#node);
    const elsewhere = await Promise.all(
      others.map((node) => this.redis.run((client) => client.hmget(keyOf(node), ...viewers))),
    );
    const found = this.#here.among(viewers);
    for (const sockets of elsewhere) {
      viewers.forEach((viewer, index) => {
        const text = sockets[index];
        if (text) found.set(viewer, together(found.get(viewer), parseSockets(text)));
      });
    }
    return found;
  }

  override async nodes(): Promise<ReadonlySet<string>> {
    return new Set(await this.#nodes());
  }

  override listen(listener: PresenceListener): () => void {
    return this.#here.listen(listener);
  }

  /** After the sockets were drained: until then this node's viewers are present. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#heartbeat);
    if (this.#reporting) clearTimeout(this.#reporting);
    await this.#exchange;
    await this.redis
      .run((client) => Promise.all([client.zrem(NODES, this.#node), client.del(keyOf(this.#node))]))
      .catch(() => {});
  }

  async #nodes(): Promise<readonly string[]> {
    return (await this.redis.runScript(NODES_SCRIPT, [NODES], [])) as string[];
  }

  #note(viewer: ViewerId): void {
    if (this.#isOver) return;
    this.#changed.add(viewer);
    this.#reporting ??= setTimeout(() => {
      this.#reporting = null;
      this.#enqueue(() => this.#report());
    }, REPORT_EVERY_MS).unref();
  }

  /** Runs the task after the current one. A failure leaves Redis's state unknown, and the next heartbeat repairs it. */
  #enqueue(work: () => Promise<void>): void {
    this.#exchange = this.#exchange.then(work).catch(() => {
      this.#isKnown = false;
    });
  }

  async #beat(): Promise<void> {
    await this.redis.runScript(BEAT_SCRIPT, [NODES], [this.#node, this.leaseMs]);
    const isThere = await this.redis.run((client) => client.pexpire(keyOf(this.#node), this.leaseMs));
    if (isThere === 0 && this.#here.size > 0) this.#isKnown = false;
    if (!this.#isKnown) await this.#reportAll();
  }

  async #report(): Promise<void> {
    if (!this.#isKnown) return this.#beat();
    const changed = [...this.#changed];
    this.#changed.clear();
    for (let at = 0; at < changed.length; at += BATCH) {
      const batch = changed.slice(at, at + BATCH);
      const fields = this.#fields(batch);
      const gone = batch.filter((viewer) => this.#here.find(viewer) === null);
      if (fields.length > 0) await this.redis.run((client) => client.hset(keyOf(this.#node), ...fields));
      if (gone.length > 0) await this.redis.run((client) => client.hdel(keyOf(this.#node), ...gone));
    }
    await this.redis.run((client) => client.pexpire(keyOf(this.#node), this.leaseMs));
  }

  /** Writes everything under a new key and replaces the old one atomically. */
  async #reportAll(): Promise<void> {
    this.#changed.clear();
    const batches = [...this.#here.batches(BATCH)];
    const key = keyOf(this.#node);
    const next = `${key}:next`;
    await this.redis.run((client) => client.del(next));
    for (const batch of batches) {
      const fields = this.#fields(batch);
      if (fields.length > 0) await this.redis.run((client) => client.hset(next, ...fields));
    }
    await this.redis.run((client) => client.pexpire(next, this.leaseMs));
    if (batches.length > 0) await this.redis.run((client) => client.rename(next, key));
    else await this.redis.run((client) => client.del(key));
    this.#isKnown = true;
  }

  /** The hash's fields and values for those of these viewers who are here. */
  #fields(viewers: readonly ViewerId[]): string[] {
    return viewers.flatMap((viewer) => {
      const sockets = this.#here.find(viewer);
      return sockets ? [viewer, `${sockets.connections} ${sockets.since.getTime()}`] : [];
    });
  }
}

/** Reads what {@link RedisPresence} writes for a viewer: `<sockets> <ms since the epoch>`. */
function parseSockets(text: string): ConnectedViewer {
  const [connections = '1', since = '0'] = text.split(' ');
  return { connections: Number(connections), since: new Date(Number(since)) };
}

function keyOf(node: string): string {
  return `sallyport:{presence:${node}}`;
}
