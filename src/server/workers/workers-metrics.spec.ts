import { Counter, Gauge, Registry } from 'prom-client';
import { afterEach, expect, it, vi } from 'vitest';
import { metricsOf } from './merged-metrics.js';
import type { MetricJson } from './messages.js';
import { WorkersMetrics } from './workers-metrics.js';

afterEach(() => void vi.useRealTimers());

/** What a worker answers: a counter and a gauge of this value. */
function metricsWith(value: number): Promise<readonly MetricJson[]> {
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: 'taken_total', help: 'What only grows.', registers }).inc(value);
  new Gauge({ name: 'open', help: 'What goes up and down.', registers }).set(value);
  return metricsOf(registry);
}

/** What a worker with this many file descriptors answers. */
function descriptors(open: number, limit: number): Promise<readonly MetricJson[]> {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({ name: 'process_open_fds', help: 'Number of open file descriptors.', registers }).set(open);
  new Gauge({ name: 'process_max_fds', help: 'Maximum number of open file descriptors.', registers }).set(limit);
  return metricsOf(registry);
}

/** The metrics of workers that answer with these values; null does not answer. */
function workersWith(values: Map<number, number | null>) {
  const rounds: number[] = [];
  const metrics = new WorkersMetrics((round) => {
    rounds.push(round);
    for (const [worker, value] of values)
      if (value !== null) void metricsWith(value).then((answer) => metrics.answered(worker, round, answer));
    return [...values.keys()];
  });
  return { metrics, rounds };
}

/** Two workers, of which the second has answered once and hangs. */
async function secondHangs() {
  const values = new Map<number, number | null>([
    [1, 2],
    [2, 3],
  ]);
  const { metrics } = workersWith(values);
  await metrics.text();
  values.set(2, null);
  return { metrics, values };
}

it('sums what all workers answer, and says how many did', async () => {
  const { metrics } = workersWith(
    new Map([
      [1, 2],
      [2, 3],
    ]),
  );
  const text = await metrics.text();
  expect(text).toMatch(/^taken_total 5$/m);
  expect(text).toMatch(/^open 5$/m);
  expect(text).toMatch(/^sallyport_workers\{state="answered"\} 2$/m);
  expect(text).toMatch(/^sallyport_workers\{state="silent"\} 0$/m);
});

it('shows the file descriptors of the process that has most, and its limit, not sums', async () => {
  const metrics = new WorkersMetrics((round) => {
    for (const [worker, open] of [450, 300].entries())
      void descriptors(open, 500).then((answer) => metrics.answered(worker, round, answer));
    return [0, 1];
  });
  const text = await metrics.text();
  expect(text).toMatch(/^process_open_fds 450$/m);
  expect(text).toMatch(/^process_max_fds 500$/m);
});

it('has no metric that lists every socket of the primary', async () => {
  expect(await workersWith(new Map()).metrics.text()).not.toMatch(/nodejs_active_/);
});

it('asks once for scrapes that come at the same time', async () => {
  const { metrics, rounds } = workersWith(new Map([[1, 2]]));
  const texts = await Promise.all([metrics.text(), metrics.text(), metrics.text()]);
  expect(new Set(texts).size).toBe(1);
  expect(rounds).toEqual([1]);
  await metrics.text();
  expect(rounds).toEqual([1, 2]);
});

it('waits 2 s for a worker that hangs, keeps what it last counted, and leaves its gauges out', async () => {
  const { metrics } = await secondHangs();
  vi.useFakeTimers();
  const asked = metrics.text();
  const early = vi.fn();
  void asked.then(early);
  await vi.advanceTimersByTimeAsync(1_999);
  expect(early).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(2);
  const text = await asked;
  expect(text).toMatch(/^taken_total 5$/m);
  expect(text).toMatch(/^open 2$/m);
  expect(text).toMatch(/^sallyport_workers\{state="answered"\} 1$/m);
  expect(text).toMatch(/^sallyport_workers\{state="silent"\} 1$/m);
});

it('does not take a late answer for that to a newer question, but remembers it', async () => {
  const values = new Map<number, number | null>([[1, null]]);
  const { metrics } = workersWith(values);
  vi.useFakeTimers();
  const first = metrics.text();
  await vi.advanceTimersByTimeAsync(2_001);
  await first;
  const second = metrics.text();
  metrics.answered(1, 1, await metricsWith(7));
  await vi.advanceTimersByTimeAsync(2_001);
  const text = await second;
  expect(text).toMatch(/^taken_total 7$/m);
  expect(text).not.toMatch(/^open /m);
  expect(text).toMatch(/^sallyport_workers\{state="silent"\} 1$/m);
});

it('does not wait for a worker that ends meanwhile; what it counted stays, over any number of scrapes', async () => {
  const { metrics, values } = await secondHangs();
  const asked = metrics.text();
  metrics.ended(2, 'killed');
  values.delete(2);
  for (const text of [await asked, await metrics.text(), await metrics.text()]) {
    expect(text).toMatch(/^taken_total 5$/m);
    expect(text).toMatch(/^open 2$/m);
  }
});

it('counts how workers end, from 0, and not those that end with the server', async () => {
  const { metrics } = workersWith(new Map());
  expect(await metrics.text()).toMatch(/^sallyport_worker_ends_total\{reason="hung"\} 0$/m);
  metrics.ended(1, 'hung');
  metrics.ended(2, null);
  const text = await metrics.text();
  expect(text).toMatch(/^sallyport_worker_ends_total\{reason="hung"\} 1$/m);
  expect(text).toMatch(/^sallyport_worker_ends_total\{reason="exited"\} 0$/m);
  expect(text).toMatch(/^sallyport_worker_ends_total\{reason="killed"\} 0$/m);
});
