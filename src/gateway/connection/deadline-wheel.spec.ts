import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DeadlineWheel } from './deadline-wheel.js';

let wheel: DeadlineWheel<string> | undefined;
beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
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

test('looks at an entry once its time has passed, within a quarter of a second', () => {
  const due = recording();
  wheel!.add('a', 1_003_000);
  vi.advanceTimersByTime(2999);
  expect(due).toEqual([]);
  vi.advanceTimersByTime(251);
  expect(due).toEqual(['a']);
});

test('looks again when told to, and forgets the entry otherwise', () => {
  let left = 2;
  const due = recording(() => (left-- > 0 ? Date.now() + 1000 : null));
  wheel!.add('a', 1_001_000);
  vi.advanceTimersByTime(60_000);
  expect(due).toEqual(['a', 'a', 'a']);
});

test('looks at everything that was due after the clock jumped', () => {
  const due = recording();
  wheel!.add('a', 1_001_000);
  wheel!.add('b', 1_900_000);
  vi.setSystemTime(5_000_000);
  vi.advanceTimersByTime(250);
  expect(due).toEqual(['a', 'b']);
});

test('looks at an entry whose time is past on the next turn', () => {
  const due = recording();
  wheel!.add('a', 10);
  vi.advanceTimersByTime(500);
  expect(due).toEqual(['a']);
});
