import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CountBatches } from './count-batches.js';
import type { ConnectionCount } from './messages.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Batches that note their messages. Each has left at once, unless `leaves` is false. */
function noted(leaves = true) {
  const messages: (readonly ConnectionCount[])[] = [];
  const left: (() => void)[] = [];
  const batches = new CountBatches((counts, sent) => {
    messages.push(counts);
    if (leaves) sent();
    else left.push(sent);
  });
  return { batches, messages, left };
}

it('sends what changes in one turn at once and together, the newest number of each key', async () => {
  const { batches, messages } = noted();
  batches.add('viewer', 'user:1', 1);
  batches.add('address', '192.0.2.1', 1);
  batches.add('address', '192.0.2.1', 2);
  await vi.advanceTimersByTimeAsync(0);
  const counts = [
    ['address', '192.0.2.1', 2],
    ['viewer', 'user:1', 1],
  ];
  expect(messages).toEqual([counts]);
});

it('sends what changes within the next 10 ms as one message, and nothing when nothing changes', async () => {
  const { batches, messages } = noted();
  batches.add('viewer', 'user:1', 1);
  await vi.advanceTimersByTimeAsync(5);
  for (let count = 2; count < 100; count++) batches.add('viewer', 'user:1', count);
  await vi.advanceTimersByTimeAsync(4);
  expect(messages).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(messages.slice(1)).toEqual([[['viewer', 'user:1', 99]]]);
});

it('cuts many counts into messages of at most 1,000, without waiting between them', async () => {
  const { batches, messages } = noted();
  for (let index = 0; index < 2_500; index++) batches.add('viewer', `user:${index}`, 1);
  await vi.advanceTimersByTimeAsync(5);
  expect(messages.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
  expect(new Set(messages.flat().map(([, key]) => key)).size).toBe(2_500);
});

it('has one message under way: a process that does not read is sent nothing more', async () => {
  const { batches, messages, left } = noted(false);
  batches.add('viewer', 'user:1', 1);
  await vi.advanceTimersByTimeAsync(20);
  batches.add('viewer', 'user:1', 2);
  batches.add('viewer', 'user:1', 3);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(messages).toHaveLength(1);
  left[0]!();
  await vi.advanceTimersByTimeAsync(20);
  expect(messages.slice(1)).toEqual([[['viewer', 'user:1', 3]]]);
});

it('sends nothing after it was stopped', async () => {
  const { batches, messages } = noted();
  batches.add('viewer', 'user:1', 1);
  batches.stop();
  batches.add('viewer', 'user:2', 1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(messages).toEqual([]);
});
