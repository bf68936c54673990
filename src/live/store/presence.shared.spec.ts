import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ConnectedViewer } from '../presence/presence.js';
import type { ViewerId } from '../viewer/viewer.js';
import { LEASE_MS, SharedPresence } from './presence.shared.js';

const REPORT_EVERY_MS = 50;

const viewer = (number: number): ViewerId => `customer:shop.example:${number}`;
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Presence in a store whose exchanges end when the test says so. */
class HeldPresence extends SharedPresence {
  /** The exchanges that have begun, in order. */
  readonly exchanges: unknown[] = [];
  readonly #ends: ((error?: Error) => void)[] = [];

  constructor() {
    super(LEASE_MS);
  }

  /** Ends the exchange under way, and lets what waits for it go on. */
  async end(error?: Error): Promise<void> {
    const end = this.#ends.shift();
    if (!end) throw new Error('No exchange is under way.');
    end(error);
    await turn();
  }

  /** Connects a viewer, and lets the time pass after which that is reported. */
  async connect(number: number): Promise<void> {
    this.enter(viewer(number));
    vi.advanceTimersByTime(REPORT_EVERY_MS);
    await turn();
  }

  protected override async beat(): Promise<boolean> {
    await this.#begin('beat');
    return true;
  }

  protected override async report(viewers: readonly ViewerId[]): Promise<boolean> {
    await this.#begin({ report: viewers });
    return true;
  }

  protected override reportAll(): Promise<void> {
    return this.#begin({ all: [...this.here.batches(100)].flat() });
  }

  protected override leave(): Promise<void> {
    return this.#begin('leave');
  }

  override async *connected(): AsyncIterable<readonly ViewerId[]> {}

  override async among(): Promise<ReadonlyMap<ViewerId, ConnectedViewer>> {
    return new Map();
  }

  override async nodes(): Promise<ReadonlySet<string>> {
    return new Set();
  }

  #begin(exchange: unknown): Promise<void> {
    this.exchanges.push(exchange);
    return new Promise((resolve, reject) => this.#ends.push((error) => (error ? reject(error) : resolve())));
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

it('reports together what changes during an exchange, and then what changes during that report', async () => {
  const presence = new HeldPresence();
  await presence.connect(1);
  await presence.end();
  for (const number of [2, 3, 4]) await presence.connect(number);
  await presence.end();
  for (const number of [5, 6]) await presence.connect(number);
  await presence.end();
  await presence.end();
  expect(presence.exchanges).toEqual([
    { all: [viewer(1)] },
    { report: [viewer(2)] },
    { report: [viewer(3), viewer(4)] },
    { report: [viewer(5), viewer(6)] },
  ]);
});

it('lets one report wait while the store hangs, however much changes', async () => {
  const presence = new HeldPresence();
  for (let number = 1; number <= 20; number += 1) await presence.connect(number);
  expect(presence.exchanges).toEqual([{ all: [viewer(1)] }]);
  await presence.end(new Error('The store is unavailable.'));
  const all = Array.from({ length: 20 }, (_, index) => viewer(index + 1));
  expect(presence.exchanges.slice(1)).toEqual([{ all }]);
  await presence.end(new Error('The store is unavailable.'));
  expect(presence.exchanges).toHaveLength(2);
});

it('lets one heartbeat wait while the store hangs, however long that takes', async () => {
  const presence = new HeldPresence();
  await presence.connect(1);
  vi.advanceTimersByTime(10 * LEASE_MS);
  await presence.end();
  await presence.end();
  expect(presence.exchanges).toEqual([{ all: [viewer(1)] }, 'beat']);
  vi.advanceTimersByTime(LEASE_MS / 4);
  await turn();
  expect(presence.exchanges.slice(2)).toEqual(['beat']);
});

it('reports every viewer with the next change after a failed report', async () => {
  const presence = new HeldPresence();
  await presence.connect(1);
  await presence.end();
  await presence.connect(2);
  await presence.end(new Error('The store is unavailable.'));
  await presence.connect(3);
  expect(presence.exchanges.slice(1)).toEqual([{ report: [viewer(2)] }, { all: [1, 2, 3].map(viewer) }]);
});

it.each([
  ['fails', new Error('The store is unavailable.')],
  ['succeeds', undefined],
])('waits at shutdown only for the exchange under way, which %s, before it leaves', async (_, error) => {
  const presence = new HeldPresence();
  await presence.connect(1);
  await presence.connect(2);
  vi.advanceTimersByTime(LEASE_MS);
  const over = presence.beforeApplicationShutdown();
  await turn();
  expect(presence.exchanges).toEqual([{ all: [viewer(1)] }]);
  await presence.end(error);
  expect(presence.exchanges.slice(1)).toEqual(['leave']);
  await presence.end();
  await over;
});

it('ends the shutdown when the store cannot be told that the node leaves', async () => {
  const presence = new HeldPresence();
  const over = presence.beforeApplicationShutdown();
  await turn();
  await presence.end(new Error('The store is unavailable.'));
  await over;
  expect(presence.exchanges).toEqual(['leave']);
});
