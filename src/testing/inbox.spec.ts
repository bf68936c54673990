import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { Inbox } from './inbox.js';

const DAY_MS = 86_400_000;

afterEach(() => void vi.useRealTimers());

it('gives each of two calls that wait at once its own item, and keeps the others', async () => {
  const inbox = new Inbox<string>();
  const taken = Promise.all([inbox.take(), inbox.take()]);
  for (const item of ['first', 'second', 'third']) inbox.put(item);
  expect(await taken).toEqual(['first', 'second']);
  expect(inbox.pending).toEqual(['third']);
});

it('gives each of two calls its own item if the items have arrived before', async () => {
  const inbox = new Inbox<string>();
  for (const item of ['first', 'second', 'third']) inbox.put(item);
  expect(await Promise.all([inbox.take(), inbox.take()])).toEqual(['first', 'second']);
  expect(inbox.pending).toEqual(['third']);
});

it('lets the second of two calls wait on if only one item has arrived', async () => {
  const inbox = new Inbox<string>();
  const [first, second] = [inbox.take(), inbox.take()];
  inbox.put('first');
  expect(await first).toBe('first');
  inbox.put('second');
  expect(await second).toBe('second');
  expect(inbox.pending).toEqual([]);
});

it('takes the first item that matches, and leaves those before and after it', async () => {
  const inbox = new Inbox<number>();
  const taken = inbox.take((item) => item > 1);
  for (const item of [1, 2, 3]) inbox.put(item);
  expect(await taken).toBe(2);
  expect(inbox.pending).toEqual([1, 3]);
});

it('leaves an item that was only seen', async () => {
  const inbox = new Inbox<string>();
  const isFirst = (item: string): boolean => item === 'first';
  const seen = Promise.all([inbox.see(isFirst, 'the first'), inbox.see(isFirst, 'the first')]);
  inbox.put('first');
  expect(await seen).toEqual(['first', 'first']);
  expect(inbox.pending).toEqual(['first']);
});

it('waits on when the wall clock is set a day ahead', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const inbox = new Inbox<string>();
  const taken = inbox.take((item) => item === 'second');
  vi.setSystemTime(Date.now() + DAY_MS);
  // The wait looks at its deadline again with each item that does not match.
  inbox.put('first');
  await delay(10);
  inbox.put('second');
  expect(await taken).toBe('second');
});
