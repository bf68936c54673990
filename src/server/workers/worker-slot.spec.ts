import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WorkerSlot } from './worker-slot.js';

/** Says where it is, and what it hears. */
const WORKER = `
process.on('message', (message) => process.send({ heard: message }));
process.send({ args: process.argv.slice(2) });
`;

const folder = mkdtempSync(join(tmpdir(), 'sallyport-slot-'));
const script = join(folder, 'worker.mjs');
writeFileSync(script, WORKER);

const failed = vi.fn<(id: number) => void>();
let slot: WorkerSlot;
beforeEach(() => {
  failed.mockReset();
  cluster.setupPrimary({ exec: script, execArgv: [], cwd: folder });
  slot = new WorkerSlot(3, pino({ level: 'silent' }), failed);
});
afterEach(async () => {
  slot.cancel();
  const worker = workerOf(slot);
  if (!worker || worker.isDead() || worker.process.pid === undefined) return;
  const exit = once(worker, 'exit');
  worker.process.kill('SIGKILL');
  await exit;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function workerOf({ id }: WorkerSlot): Worker | undefined {
  return id === null ? undefined : cluster.workers?.[id];
}

/** Starts a worker and waits until it runs; returns what it said. */
async function started(): Promise<unknown> {
  slot.start();
  const [message] = (await once(workerOf(slot)!, 'message')) as unknown[];
  return message;
}

it('starts a process that is told its number, with a new id each time', async () => {
  expect(slot.id).toBeNull();
  expect(await started()).toEqual({ args: ['worker', '3'] });
  const { id, pid } = slot;
  expect(pid).toBeGreaterThan(0);
  const exit = once(workerOf(slot)!, 'exit');
  slot.kill('SIGKILL');
  await exit;
  slot.ended();
  expect(slot.id).toBeNull();
  await started();
  expect(slot.id).not.toBe(id);
  expect(slot.pid).not.toBe(pid);
});

it('tells its worker, says when the message has left, and does nothing when there is no worker', async () => {
  await started();
  const heard = once(workerOf(slot)!, 'message');
  const sent = vi.fn();
  slot.send({ kind: 'metrics', round: 7 }, sent);
  expect((await heard)[0]).toEqual({ heard: { kind: 'metrics', round: 7 } });
  expect(sent).toHaveBeenCalledOnce();
  const exit = once(workerOf(slot)!, 'exit');
  slot.kill('SIGKILL');
  await exit;
  slot.send({ kind: 'metrics', round: 8 });
  slot.ended();
  slot.send({ kind: 'metrics', round: 9 });
  slot.kill('SIGTERM');
});

it('serves from the moment that it is told so until its worker ends', async () => {
  await started();
  expect(slot.isServing).toBe(false);
  slot.serving();
  expect(slot.isServing).toBe(true);
  slot.ended();
  expect(slot.isServing).toBe(false);
});

it('a worker has 120 s to load and then 30 s between signs of life, and hangs once', async () => {
  await started();
  const ticks = (count: number) => Array.from({ length: count }, () => slot.tick());
  expect(ticks(120)).not.toContain(true);
  slot.beat();
  expect(ticks(30)).not.toContain(true);
  slot.beat();
  expect(ticks(30)).not.toContain(true);
  expect(slot.isHung).toBe(false);
  expect(ticks(10)).toEqual([true, ...Array.from({ length: 9 }, () => false)]);
  expect(slot.isHung).toBe(true);
});

it('a worker that never gives a sign of life hangs after 120 s; the next one starts afresh', async () => {
  expect(slot.tick()).toBe(false);
  await started();
  const ticks = (count: number) => Array.from({ length: count }, () => slot.tick());
  expect(ticks(121).indexOf(true)).toBe(120);
  const exit = once(workerOf(slot)!, 'exit');
  slot.kill('SIGKILL');
  await exit;
  slot.ended();
  await started();
  expect(slot.isHung).toBe(false);
  expect(ticks(120)).not.toContain(true);
});

it('waits longer before each next worker while workers end soon, and calls the fifth a crash loop', async () => {
  const waits: (number | null)[] = [];
  for (let index = 0; index < 5; index++) {
    await started();
    slot.serving();
    const exit = once(workerOf(slot)!, 'exit');
    slot.kill('SIGKILL');
    await exit;
    waits.push(slot.ended());
  }
  expect(waits).toEqual([250, 500, 1_000, 2_000, null]);
});

it('starts later, unless it is cancelled', async () => {
  const message = once(cluster, 'message');
  slot.startLater(1);
  const [worker] = (await message) as [Worker];
  expect(slot.id).toBe(worker.id);
  const other = new WorkerSlot(4, pino({ level: 'silent' }), failed);
  vi.useFakeTimers();
  other.startLater(1);
  other.cancel();
  await vi.advanceTimersByTimeAsync(10);
  vi.useRealTimers();
  expect(other.id).toBeNull();
});

it('says so when the system cannot start the process', async () => {
  cluster.setupPrimary({ cwd: join(folder, 'missing') });
  slot.start();
  const { id } = slot;
  await vi.waitFor(() => expect(failed.mock.calls).toEqual([[id]]));
});
