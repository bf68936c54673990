import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type BudgetSubject, DocumentBudget } from './document-budget.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const viewer = (name: string): BudgetSubject => ({ viewer: `user:${name}` });
const network = (name: string): BudgetSubject => ({ network: name });

/** Whose budget stands against one more document; null where it is checked. */
function refusedBy(budget: DocumentBudget, subject: BudgetSubject): string | null {
  const outcome = budget.spend(subject, () => 'checked');
  return outcome.done ? null : outcome.spent;
}

function spendAll(budget: DocumentBudget, subject: BudgetSubject, milliseconds: number): void {
  for (let spent = 0; spent < milliseconds; spent += 10) budget.charge(subject, 10);
}

it('grants a viewer 250 ms at once, then 25 ms a second', () => {
  const budget = new DocumentBudget();
  spendAll(budget, viewer('a'), 240);
  expect(refusedBy(budget, viewer('a'))).toBeNull();
  spendAll(budget, viewer('a'), 10);
  expect(refusedBy(budget, viewer('a'))).toBe('subject');
  expect(refusedBy(budget, viewer('b'))).toBeNull();
  vi.advanceTimersByTime(100);
  expect(refusedBy(budget, viewer('a'))).toBeNull();
});

it('charges at least half a millisecond and at most ten for a document', () => {
  const budget = new DocumentBudget();
  for (let count = 0; count < 24; count++) budget.charge(viewer('a'), 5_000);
  for (let count = 0; count < 20; count++) budget.charge(viewer('a'), 0);
  expect(refusedBy(budget, viewer('a'))).toBe('subject');
  for (let count = 0; count < 24; count++) budget.charge(viewer('b'), 5_000);
  for (let count = 0; count < 19; count++) budget.charge(viewer('b'), 0);
  expect(refusedBy(budget, viewer('b'))).toBeNull();
});

it('charges the node nothing for a viewer who is over the limit', () => {
  const budget = new DocumentBudget();
  spendAll(budget, viewer('a'), 250);
  for (let count = 0; count < 1000; count++) refusedBy(budget, viewer('a'));
  expect(refusedBy(budget, viewer('b'))).toBeNull();
});

it.each([
  ['a viewer', viewer('a')],
  ['a network', network('192.0.2.1')],
])('charges nobody for what %s does elsewhere over the limit', (_, subject) => {
  const budget = new DocumentBudget();
  spendAll(budget, subject, 100_000);
  expect(refusedBy(budget, subject)).toBe('subject');
  expect(refusedBy(budget, network('192.0.2.2'))).toBeNull();
  expect(refusedBy(budget, viewer('b'))).toBeNull();
  vi.advanceTimersByTime(1000);
  expect(refusedBy(budget, subject)).toBeNull();
});

it('limits all viewers together', () => {
  const budget = new DocumentBudget();
  for (let count = 0; count < 4; count++) spendAll(budget, viewer(String(count)), 250);
  expect(refusedBy(budget, viewer('new'))).toBe('node');
  expect(refusedBy(budget, null)).toBe('node');
  vi.advanceTimersByTime(1000);
  expect(refusedBy(budget, viewer('new'))).toBeNull();
});

it('reserves half of the node for signed-in viewers, however many networks visitors come from', () => {
  const budget = new DocumentBudget();
  for (let count = 0; count < 100; count++) {
    for (let turn = 0; turn < 50; turn++) budget.spend(network(`2001:db8:0:${count}::/64`), () => null);
  }
  expect(refusedBy(budget, network('192.0.2.1'))).toBe('node');
  expect(refusedBy(budget, viewer('a'))).toBeNull();
});

it('reserves it also against what visitors do elsewhere', () => {
  const budget = new DocumentBudget();
  for (let count = 0; count < 100; count++) spendAll(budget, network(`2001:db8:0:${count}::/64`), 250);
  expect(refusedBy(budget, network('192.0.2.1'))).toBe('node');
  expect(refusedBy(budget, viewer('a'))).toBeNull();
  vi.advanceTimersByTime(1000);
  expect(refusedBy(budget, network('192.0.2.1'))).toBeNull();
});

it('charges for work that fails', () => {
  const budget = new DocumentBudget();
  const fails = () => {
    throw new Error('no');
  };
  // Each costs half a millisecond at the least, so the last one is refused at the latest.
  const outcomes = Array.from({ length: 501 }, () => {
    try {
      return budget.spend(viewer('a'), fails);
    } catch (error) {
      return error;
    }
  });
  expect(outcomes[0]).toEqual(new Error('no'));
  expect(outcomes.at(-1)).toEqual({ done: false, spent: 'subject' });
});

it('does not use the wall clock', () => {
  const budget = new DocumentBudget();
  spendAll(budget, viewer('a'), 250);
  vi.setSystemTime(Date.now() + 3_600_000);
  expect(refusedBy(budget, viewer('a'))).toBe('subject');
});

it('is not reduced when its clock is reset', () => {
  vi.advanceTimersByTime(10_000);
  const budget = new DocumentBudget();
  vi.useFakeTimers({ toFake: ['performance', 'Date'] });
  spendAll(budget, viewer('a'), 240);
  expect(refusedBy(budget, viewer('a'))).toBeNull();
});
