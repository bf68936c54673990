import { expect, it } from 'vitest';
import { MessageBudget } from './message-budget.js';

const taken = (budget: MessageBudget, atMs: number, tries: number): number =>
  Array.from({ length: tries }, () => budget.take(atMs)).filter(Boolean).length;

it('grants ten messages before the ack, however long it takes', () => {
  const budget = new MessageBudget();
  expect(taken(budget, 1000, 5)).toBe(5);
  expect(taken(budget, 60_000, 20)).toBe(5);
});

it('grants a burst of 200 once open, and twenty a second after that', () => {
  const budget = new MessageBudget();
  budget.open(1000);
  expect(taken(budget, 1000, 200)).toBe(200);
  expect(taken(budget, 2000, 21)).toBe(20);
});

it('does not save up more than one burst', () => {
  const budget = new MessageBudget();
  budget.open(1000);
  expect(taken(budget, 3_600_000, 300)).toBe(200);
});
