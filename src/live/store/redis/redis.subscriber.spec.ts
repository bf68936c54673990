import { EventEmitter } from 'node:events';
import { Cluster, Command, type Redis } from 'ioredis';
import { afterEach, expect, it, vi } from 'vitest';
import type { RedisLink } from './open-redis.js';
import type { RedisPlace } from './redis-url.js';
import { RedisSubscriber } from './redis.subscriber.js';

const SLOTS = 16_384;
const A = '10.0.0.1:6379';
const B = '10.0.0.2:6379';
const C = '10.0.0.3:6379';

/** A connection to one master, which confirms everything while it is up. */
class Connection extends EventEmitter {
  status = 'wait';
  readonly ssubscribe = vi.fn(() => Promise.resolve(1));
  readonly sunsubscribe = vi.fn(() => Promise.resolve(1));
  readonly disconnect = vi.fn();

  connect(): Promise<void> {
    this.status = 'ready';
    return Promise.resolve();
  }

  lose(): void {
    this.status = 'reconnecting';
    this.emit('close');
  }

  recover(): void {
    this.status = 'ready';
    this.emit('ready');
  }
}

/** The slots, in equal parts on each of these masters. */
function slotsOn(...masters: readonly string[]): string[][] {
  return Array.from({ length: SLOTS }, (_, slot) => [masters[Math.floor((slot * masters.length) / SLOTS)]!]);
}

const open: RedisSubscriber[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  open.splice(0).forEach((subscriber) => subscriber.close());
});

/** A subscriber to a cluster: `to` finds its connection to a master, `refresh` gives the slots to other masters. */
async function clusterOf(...masters: readonly string[]) {
  const refreshSlotsCache = vi.fn();
  const client = Object.assign(Object.create(Cluster.prototype) as Cluster, {
    slots: slotsOn(...masters),
    refreshSlotsCache,
  });
  const connections = new Map<string, Connection>();
  const openSubscriber = ({ host, port }: RedisPlace): Redis => {
    const connection = new Connection();
    connections.set(`${host}:${port}`, connection);
    return connection as unknown as Redis;
  };
  const link = {
    client,
    openSubscriber,
    shardedPubSub: true,
    address: A,
    settings: { url: '', instead: '' },
  } as RedisLink;
  const subscriber = await RedisSubscriber.open(link);
  open.push(subscriber);
  const heard: string[] = [];
  subscriber.listen({ lost: () => heard.push('lost'), restored: () => heard.push('restored') });
  return {
    subscriber,
    heard,
    refreshSlotsCache,
    to: (master: string): Connection => connections.get(master)!,
    refresh(...others: readonly string[]): void {
      client.slots = slotsOn(...others);
      client.emit('refresh');
    },
  };
}

it('a cluster is restored once the only connection that was lost is that of a master without slots', async () => {
  const { subscriber, heard, refreshSlotsCache, to, refresh } = await clusterOf(A, B);
  expect([subscriber.isLost, subscriber.openConnections]).toEqual([false, 2]);
  to(B).lose();
  expect([subscriber.isLost, heard, refreshSlotsCache.mock.calls.length]).toEqual([true, ['lost'], 1]);
  refresh(A);
  expect([subscriber.isLost, heard]).toEqual([false, ['lost', 'restored']]);
  expect(subscriber.openConnections).toBe(1);
  expect(to(B).disconnect).toHaveBeenCalledOnce();
});

it('a cluster stays lost after a master has left, until the other lost connections are back', async () => {
  const { subscriber, heard, to, refresh } = await clusterOf(A, B, C);
  to(B).lose();
  to(C).lose();
  refresh(A, B);
  expect([subscriber.isLost, heard]).toEqual([true, ['lost']]);
  to(B).recover();
  await vi.waitFor(() => expect([subscriber.isLost, heard]).toEqual([false, ['lost', 'restored']]));
});

it('a cluster whose lost master was replaced is restored when the new one is connected', async () => {
  const { subscriber, heard, to, refresh } = await clusterOf(A, B);
  to(B).lose();
  refresh(A, C);
  expect([subscriber.isLost, heard]).toEqual([true, ['lost']]);
  await vi.waitFor(() => expect([subscriber.isLost, heard]).toEqual([false, ['lost', 'restored']]));
});

it('a cluster is restored only when the channels of a lost master are confirmed by another', async () => {
  const { subscriber, heard, to, refresh } = await clusterOf(A, B);
  // Their slots are in the first and in the second half.
  await Promise.all(['bar', 'foo'].map((name) => subscriber.subscribe(name, { receive: () => {} })));
  expect([to(A), to(B)].map(({ ssubscribe }) => ssubscribe.mock.calls)).toEqual([[['bar']], [['foo']]]);
  let confirm = (_channels: number): void => {};
  to(A).ssubscribe.mockReturnValueOnce(new Promise((resolve) => (confirm = resolve)));
  to(B).lose();
  refresh(A);
  expect(to(A).ssubscribe).toHaveBeenLastCalledWith('foo');
  expect([subscriber.isLost, heard]).toEqual([true, ['lost']]);
  confirm(1);
  await vi.waitFor(() => expect([subscriber.isLost, heard]).toEqual([false, ['lost', 'restored']]));
});

it('a cluster computes the slot of a channel once, however often its slots are refreshed', async () => {
  const slotsComputed = vi.spyOn(Command.prototype, 'getSlot');
  const { subscriber, to, refresh } = await clusterOf(A, B);
  await Promise.all(['bar', 'foo'].map((name) => subscriber.subscribe(name, { receive: () => {} })));
  refresh(A, B);
  refresh(B, A);
  expect(slotsComputed).toHaveBeenCalledTimes(2);
  await vi.waitFor(() =>
    expect([to(A), to(B)].map(({ ssubscribe }) => ssubscribe.mock.lastCall)).toEqual([['foo'], ['bar']]),
  );
});
