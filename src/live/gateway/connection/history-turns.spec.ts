import { expect, it } from 'vitest';
import { HistoryTurns } from './history-turns.js';

/** A socket whose reader stops and continues. */
class Reader {
  isFull = false;
  #resume = (): void => {};
  readonly #drained = (): Promise<void> => new Promise((resolve) => (this.#resume = resolve));

  drained(): Promise<void> {
    return this.#drained();
  }

  read(): void {
    this.isFull = false;
    this.#resume();
  }
}

/** Takes this many turns; `outcomes` has what became of them so far, in order. */
function taking(count: number, reader = new Reader()) {
  const turns = new HistoryTurns(reader);
  const outcomes: (readonly [number, boolean])[] = [];
  const owners = Array.from({ length: count }, (_, number) => ({ number }));
  for (const owner of owners) void turns.take(owner).then((mayStart) => outcomes.push([owner.number, mayStart]));
  return { turns, owners, outcomes, started: () => outcomes.map(([number]) => number), reader };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

it('eight histories start at once, and the others in their order as these have started', async () => {
  const { turns, started } = taking(10);
  await turn();
  expect(started()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  await turns.release();
  await turn();
  expect(started()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  await turns.release();
  await turn();
  expect(started()).toHaveLength(10);
});

it('a reader that does not keep up gets one history at a time', async () => {
  const reader = new Reader();
  reader.isFull = true;
  const { turns, started } = taking(3, reader);
  await turn();
  expect(started()).toEqual([0]);
  const released = turns.release();
  await turn();
  expect(started()).toEqual([0]);
  reader.read();
  await released;
  await turn();
  expect(started()).toEqual([0, 1, 2]);
});

it('an owner that leaves is told, and the next one starts in its place', async () => {
  const { turns, owners, outcomes } = taking(10);
  await turn();
  turns.leave(owners[8]!);
  await turns.release();
  await turn();
  expect(outcomes.slice(8)).toEqual([
    [8, false],
    [9, true],
  ]);
});
