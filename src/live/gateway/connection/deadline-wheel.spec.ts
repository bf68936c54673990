import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DeadlineWheel } from './deadline-wheel.js';

let wheel: DeadlineWheel<string> | undefined;
beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  wheel?.stop();
  vi.useRealTimers();
});

function recording(next: (entry: string) => number | null = () => null): string[] {
  const due: string[] = [];
  wheel = new DeadlineWheel((entry) => {
    due.push(entry);
    return next(entry);
  });
  return due;
}

it('checks an entry once its time has passed, within a quarter of a second', () => {
  const due = recording();
  wheel!.add('a', performance.now() + 3000);
  vi.advanceTimersByTime(2999);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(251);
  expect(due).toEqual(['a']);
});

it('checks again when told to, and drops the entry otherwise', () => {
  let left = 2;
  const due = recording(() => (left-- > 0 ? performance.now() + 1000 : null));
  wheel!.add('a', performance.now() + 1000);
  vi.advanceTimersByTime(60_000);
  expect(due).toEqual(['a', 'a', 'a']);
});

it.each([300_000, -300_000])('is not affected by a wall clock change of %i ms', (stepMs) => {
  const due = recording();
  wheel!.add('a', performance.now() + 3000);
  vi.setSystemTime(Date.now() + stepMs);
  vi.advanceTimersByTime(2999);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(251);
  expect(due).toEqual(['a']);
});

it('checks an entry whose time is past in the next slot', () => {
  const due = recording();
  wheel!.add('a', performance.now() - 10);
  vi.advanceTimersByTime(500);
  expect(due).toEqual(['a']);
});
