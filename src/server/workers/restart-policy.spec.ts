import { expect, it } from 'vitest';
import { RestartPolicy } from './restart-policy.js';

it('replaces a worker that had settled at once, however often', () => {
  const policy = new RestartPolicy();
  for (let index = 0; index < 20; index++) expect(policy.ended(10_000, index)).toBe(0);
});

it('waits longer after each early end, and calls the fifth within 45 s a crash loop', () => {
  const policy = new RestartPolicy();
  expect([0, 1, 2, 3, 44_999].map((nowMs) => policy.ended(9_999, nowMs))).toEqual([250, 500, 1_000, 2_000, null]);
});

it('goes on while early ends are far apart, as with a store that does not answer for 10 s each time', () => {
  const policy = new RestartPolicy();
  const waits = Array.from({ length: 20 }, (_, index) => policy.ended(0, index * 15_000));
  expect(waits).not.toContain(null);
  expect(Math.max(...waits.map(Number))).toBe(4_000);
});

it('forgets early ends once a worker has settled', () => {
  const policy = new RestartPolicy();
  for (const nowMs of [0, 1, 2, 3]) policy.ended(0, nowMs);
  policy.ended(60_000, 4);
  expect(policy.ended(0, 5)).toBe(250);
});
