import { expect, it } from 'vitest';
import { HistoryTurns } from './history-turns.js';

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Takes this many turns; `started` and `left` have the numbers of those that may start, and of those that left before. */
function taking(count: number) {
  const turns = new HistoryTurns();
  const [started, left]: [number[], number[]] = [[], []];
  const owners = Array.from({ length: count }, (_, number) => ({ number }));
  for (const owner of owners) void turns.take(owner).then((may) => (may ? started : left).push(owner.number));
  return { turns, owners, started, left };
}

it('four histories are read at once, and the others in their order when one of these is sent', async () => {
  const { turns, started } = taking(6);
  await turn();
  expect(started).toEqual([0, 1, 2, 3]);
  let sent = (): void => {};
  void turns.release(new Promise((resolve) => (sent = resolve)));
  await turn();
  expect(started).toEqual([0, 1, 2, 3]);
  sent();
  await turn();
  expect(started).toEqual([0, 1, 2, 3, 4]);
  void turns.release(null);
  await turn();
  expect(started).toEqual([0, 1, 2, 3, 4, 5]);
});

it('a turn that nobody waits for is free again', async () => {
  const { turns, owners, started } = taking(4);
  for (const _ of owners) await turns.release(null);
  for (const owner of owners) expect(await turns.take(owner)).toBe(true);
  expect(started).toHaveLength(4);
});

it('an owner that leaves is told, and the next one starts in its place', async () => {
  const { turns, owners, started, left } = taking(6);
  turns.leave(owners[4]!);
  void turns.release(null);
  await turn();
  expect([started, left]).toEqual([[0, 1, 2, 3, 5], [4]]);
});
