import { afterEach, expect, it, vi } from 'vitest';
import { Random } from '../../../test/kit/random.js';
import type { ViewerId } from '../../live/viewer/viewer.js';
import { ConnectionTotals } from './connection-totals.js';
import type { ConnectionCount } from './messages.js';
import { OtherWorkers } from './other-workers.js';

const ADDRESSES = ['192.0.2.1', '192.0.2.2', '2001:db8::/64', 'unknown'];
const VIEWERS: readonly ViewerId[] = ['user:1', 'user:2', 'customer:shop:1', 'external:app:1'];

interface Socket {
  readonly address: string;
  readonly viewer: ViewerId;
}

/** A worker with sockets, whose messages travel as JSON and arrive later, in order. */
class TestWorker {
  readonly sockets: Socket[] = [];
  readonly elsewhere: OtherWorkers;
  isAlive = true;

  constructor(
    readonly id: number,
    totals: ConnectionTotals,
  ) {
    this.elsewhere = new OtherWorkers((counts, sent) =>
      later(counts, sent, (copy) => this.isAlive && totals.reported(id, copy)),
    );
    totals.joined(id, (counts, sent) => later(counts, sent, (copy) => this.elsewhere.heard(copy)));
  }

  open(socket: Socket): void {
    this.sockets.push(socket);
    this.#tell(socket);
  }

  close(): void {
    const socket = this.sockets.shift();
    if (socket) this.#tell(socket);
  }

  count(match: Partial<Socket>): number {
    return this.sockets.filter((socket) =>
      Object.entries(match).every(([key, value]) => socket[key as keyof Socket] === value),
    ).length;
  }

  #tell({ address, viewer }: Socket): void {
    this.elsewhere.addressHere(address, this.count({ address }));
    this.elsewhere.viewerHere(viewer, this.count({ viewer }));
  }
}

function later(
  counts: readonly ConnectionCount[],
  sent: () => void,
  arrive: (copy: readonly ConnectionCount[]) => void,
): void {
  const copy = JSON.parse(JSON.stringify(counts)) as ConnectionCount[];
  setImmediate(() => {
    arrive(copy);
    sent();
  });
}

afterEach(() => void vi.useRealTimers());

it.each([1, 2, 3])(
  'every worker knows what the others have, whatever opens, closes and ends (seed %i)',
  async (seed) => {
    vi.useFakeTimers();
    const random = new Random(seed);
    const totals = new ConnectionTotals(Infinity);
    let nextId = 1;
    let workers = [1, 2, 3].map(() => new TestWorker(nextId++, totals));
    for (let step = 0; step < 3_000; step++) {
      const worker = random.pick(workers);
      if (random.chance(0.6)) worker.open({ address: random.pick(ADDRESSES), viewer: random.pick(VIEWERS) });
      else worker.close();
      if (random.chance(0.01)) {
        worker.isAlive = false;
        totals.ended(worker.id);
        workers = [...workers.filter((other) => other !== worker), new TestWorker(nextId++, totals)];
      }
      if (step % 30 === 0) await vi.advanceTimersByTimeAsync(random.below(10));
    }
    const othersOf = (worker: TestWorker, match: Partial<Socket>) =>
      workers.filter((other) => other !== worker).reduce((sum, other) => sum + other.count(match), 0);
    const expected = workers.map((worker) => ({
      total: othersOf(worker, {}),
      addresses: ADDRESSES.map((address) => othersOf(worker, { address })),
      viewers: VIEWERS.map((viewer) => othersOf(worker, { viewer })),
    }));
    const told = () =>
      workers.map(({ elsewhere }) => ({
        total: elsewhere.total,
        addresses: ADDRESSES.map((address) => elsewhere.ofAddress(address)),
        viewers: VIEWERS.map((viewer) => elsewhere.ofViewer(viewer)),
      }));
    await vi.waitFor(() => expect(told()).toEqual(expected));
  },
);

it('a worker that starts hears of everything that the others have', async () => {
  const totals = new ConnectionTotals(Infinity);
  const first = new TestWorker(1, totals);
  for (let index = 0; index < 1_500; index++) first.open({ address: `192.0.2.${index}`, viewer: `user:${index}` });
  const before = new TestWorker(2, totals);
  await vi.waitFor(() => expect(before.elsewhere.total).toBe(1_500));
  const second = new TestWorker(3, totals);
  await vi.waitFor(() => {
    expect(second.elsewhere.total).toBe(1_500);
    expect(second.elsewhere.ofViewer('user:1499')).toBe(1);
  });
  expect(first.elsewhere.total).toBe(0);
});

it('a number that is told twice, or by a worker that has ended, changes nothing', async () => {
  const totals = new ConnectionTotals(Infinity);
  const heard: ConnectionCount[] = [];
  totals.joined(1, (counts, sent) => {
    heard.push(...counts);
    sent();
  });
  totals.joined(2, () => {});
  totals.reported(2, [['viewer', 'user:1', 2]]);
  totals.reported(2, [['viewer', 'user:1', 2]]);
  await vi.waitFor(() => expect(heard).toContainEqual(['viewer', 'user:1', 2]));
  totals.ended(2);
  totals.reported(2, [['viewer', 'user:1', 2]]);
  await vi.waitFor(() => expect(heard.at(-1)).toEqual(['viewer', 'user:1', 0]));
});

it('a worker that admitted too many, because others did so at the same moment, may keep what is left', () => {
  const totals = new ConnectionTotals(20);
  for (const worker of [1, 2, 3]) totals.joined(worker, () => {});
  expect(totals.reported(1, [['viewer', 'user:1', 15]])).toEqual([]);
  expect(totals.reported(2, [['viewer', 'user:1', 5]])).toEqual([]);
  expect(totals.reported(3, [['viewer', 'user:1', 9]])).toEqual([['user:1', 0]]);
  expect(totals.reported(2, [['viewer', 'user:1', 7]])).toEqual([['user:1', 5]]);
  // Fewer than before is no reason to close more.
  expect(totals.reported(1, [['viewer', 'user:1', 14]])).toEqual([]);
  expect(totals.reported(3, [['viewer', 'user:1', 0]])).toEqual([]);
  expect(totals.reported(2, [['viewer', 'user:1', 5]])).toEqual([]);
  expect(totals.reported(2, [['viewer', 'user:1', 8]])).toEqual([['user:1', 6]]);
});

it('addresses are not told: their connections are refused before they open', () => {
  const totals = new ConnectionTotals(1);
  totals.joined(1, () => {});
  expect(totals.reported(1, [['address', '192.0.2.1', 5]])).toEqual([]);
});
