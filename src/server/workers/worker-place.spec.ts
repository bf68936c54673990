import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WorkerPlace } from './worker-place.js';

/** Says where it is, and what it hears. */
const WORKER = `
process.on('message', (message) => process.send({ heard: message }));
process.send({ args: process.argv.slice(2) });
`;

const folder = mkdtempSync(join(tmpdir(), 'sallyport-place-'));
const script = join(folder, 'worker.mjs');
writeFileSync(script, WORKER);

const failed = vi.fn<(id: number) => void>();
let place: WorkerPlace;
beforeEach(() => {
  failed.mockReset();
  cluster.setupPrimary({ exec: script, execArgv: [], cwd: folder });
  place = new WorkerPlace(3, pino({ level: 'silent' }), failed);
});
afterEach(async () => {
  place.cancel();
  const worker = workerOf(place);
  if (!worker || worker.isDead() || worker.process.pid === undefined) return;
  const exit = once(worker, 'exit');
  worker.process.kill('SIGKILL');
  await exit;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function workerOf({ id }: WorkerPlace): Worker | undefined {
  return id === null ? undefined : cluster.workers?.[id];
}

/** Starts a worker and waits until it runs; returns what it said. */
async function started(): Promise<unknown> {
  place.start();
  const [message] = (await once(workerOf(place)!, 'message')) as unknown[];
  return message;
}

it('starts a process that is told its number, with a new id each time', async () => {
  expect(place.id).toBeNull();
  expect(await started()).toEqual({ args: ['worker', '3'] });
  const { id, pid } = place;
  expect(pid).toBeGreaterThan(0);
  const exit = once(workerOf(place)!, 'exit');
  place.kill('SIGKILL');
  await exit;
  place.ended();
  expect(place.id).toBeNull();
  await started();
  expect(place.id).not.toBe(id);
  expect(place.pid).not.toBe(pid);
});

it('tells its worker, says when the message has left, and does nothing when there is no worker', async () => {
  await started();
  const heard = once(workerOf(place)!, 'message');
  const sent = vi.fn();
  place.send({ kind: 'metrics', round: 7 }, sent);
  expect((await heard)[0]).toEqual({ heard: { kind: 'metrics', round: 7 } });
  expect(sent).toHaveBeenCalledOnce();
  const exit = once(workerOf(place)!, 'exit');
  place.kill('SIGKILL');
  await exit;
  place.send({ kind: 'metrics', round: 8 });
  place.ended();
  place.send({ kind: 'metrics', round: 9 });
  place.kill('SIGTERM');
});

it('serves from the moment that it is told so until its worker ends', async () => {
  await started();
  expect(place.isServing).toBe(false);
  place.serving();
  expect(place.isServing).toBe(true);
  place.ended();
  expect(place.isServing).toBe(false);
});

it('a worker has 120 s to load and then 30 s between signs of life, and hangs once', async () => {
  await started();
  const ticks = (count: number) => Array.from({ length: count }, () => place.tick());
  expect(ticks(120)).not.toContain(true);
  place.beat();
  expect(ticks(30)).not.toContain(true);
  place.beat();
  expect(ticks(30)).not.toContain(true);
  expect(place.hung).toBe(false);
  expect(ticks(10)).toEqual([true, ...Array.from({ length: 9 }, () => false)]);
  expect(place.hung).toBe(true);
});

it('a worker that never gives a sign of life hangs after 120 s; the next one starts afresh', async () => {
  expect(place.tick()).toBe(false);
  await started();
  const ticks = (count: number) => Array.from({ length: count }, () => place.tick());
  expect(ticks(121).indexOf(true)).toBe(120);
  const exit = once(workerOf(place)!, 'exit');
  place.kill('SIGKILL');
  await exit;
  place.ended();
  await started();
  expect(place.hung).toBe(false);
  expect(ticks(120)).not.toContain(true);
});

it('waits longer before each next worker while workers end soon, and calls the fifth a crash loop', async () => {
  const waits: (number | null)[] = [];
  for (let index = 0; index < 5; index++) {
    await started();
    place.serving();
    const exit = once(workerOf(place)!, 'exit');
    place.kill('SIGKILL');
    await exit;
    waits.push(place.ended());
  }
  expect(waits).toEqual([250, 500, 1_000, 2_000, null]);
});

it('starts later, unless it is cancelled', async () => {
  const message = once(cluster, 'message');
  place.startLater(1);
  const [worker] = (await message) as [Worker];
  expect(place.id).toBe(worker.id);
  const other = new WorkerPlace(4, pino({ level: 'silent' }), failed);
  vi.useFakeTimers();
  other.startLater(1);
  other.cancel();
  await vi.advanceTimersByTimeAsync(10);
  vi.useRealTimers();
  expect(other.id).toBeNull();
});

it('says so when the system cannot start the process', async () => {
  cluster.setupPrimary({ cwd: join(folder, 'missing') });
  place.start();
  const { id } = place;
  await vi.waitFor(() => expect(failed.mock.calls).toEqual([[id]]));
});
