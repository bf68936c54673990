import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DocumentBudget } from './document-budget.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const SIZE = 14_800;
const takes = (budget: DocumentBudget, subject: string | null, count: number) =>
  Array.from({ length: count }, () => budget.take(subject, SIZE));

it('grants a viewer 13 of the largest documents at once, then one in one and a half seconds', () => {
  const budget = new DocumentBudget();
  expect(takes(budget, 'user:a', 14)).toEqual([...Array.from({ length: 13 }, () => 'granted'), 'subject-spent']);
  expect(budget.take('user:b', SIZE)).toBe('granted');
  vi.advanceTimersByTime(1500);
  expect(takes(budget, 'user:a', 2)).toEqual(['granted', 'subject-spent']);
});

it('takes nothing from the node for a viewer who is over', () => {
  const budget = new DocumentBudget();
  takes(budget, 'user:a', 1000);
  expect(budget.take('user:b', SIZE)).toBe('granted');
});

it('bounds all viewers together', () => {
  const budget = new DocumentBudget();
  const verdicts = Array.from({ length: 200 }, (_, index) => budget.take(`user:${index}`, SIZE));
  expect(verdicts.filter((verdict) => verdict === 'granted')).toHaveLength(66);
  expect(verdicts.at(-1)).toBe('node-spent');
  vi.advanceTimersByTime(1000);
  expect(budget.take('user:new', SIZE)).toBe('granted');
});

it('does not look at the wall clock', () => {
  const budget = new DocumentBudget();
  takes(budget, 'user:a', 14);
  vi.setSystemTime(Date.now() + 3_600_000);
  expect(budget.take('user:a', SIZE)).toBe('subject-spent');
});
