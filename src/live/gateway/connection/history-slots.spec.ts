import { expect, it } from 'vitest';
import { HistorySlots } from './history-slots.js';

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Asks for this many slots; `started` and `left` have the numbers of those that may start, and of those that left. */
function acquiring(count: number) {
  const slots = new HistorySlots();
  const [started, left]: [number[], number[]] = [[], []];
  const owners = Array.from({ length: count }, (_, number) => ({ number }));
  for (const owner of owners) void slots.acquire(owner).then((may) => (may ? started : left).push(owner.number));
  return { slots, owners, started, left };
}

it('four histories are read at once, and the others in their order when one of these is sent', async () => {
  const { slots, started } = acquiring(6);
  await turn();
  expect(started).toEqual([0, 1, 2, 3]);
  let sent = (): void => {};
  void slots.release(new Promise((resolve) => (sent = resolve)));
  await turn();
  expect(started).toEqual([0, 1, 2, 3]);
  sent();
  await turn();
  expect(started).toEqual([0, 1, 2, 3, 4]);
  void slots.release(null);
  await turn();
  expect(started).toEqual([0, 1, 2, 3, 4, 5]);
});

it('a slot that nobody waits for is free again', async () => {
  const { slots, owners, started } = acquiring(4);
  for (const _ of owners) await slots.release(null);
  for (const owner of owners) expect(await slots.acquire(owner)).toBe(true);
  expect(started).toHaveLength(4);
});

it('an owner that leaves is told, and the next one starts in its place', async () => {
  const { slots, owners, started, left } = acquiring(6);
  slots.leave(owners[4]!);
  void slots.release(null);
  await turn();
  expect([started, left]).toEqual([[0, 1, 2, 3, 5], [4]]);
});
