import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { TooManyRequestsError } from '../errors/sallyport.errors.js';
import { Registry } from 'prom-client';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { RateLimitMetrics } from '../rate-limit/rate-limit.metrics.js';
import { MemoryRateLimiters } from '../store/memory/rate-limiters.memory.js';
import { PublishRate, type PublishingKey } from './publish-rate.js';

const key = (id: string): PublishingKey => ({ id });

afterEach(() => void vi.useRealTimers());

it('refuses only this key after a million events, until ten seconds are over', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  const rate = new PublishRate(new MemoryRateLimiters(), new RateLimitMetrics(new Registry()));
  for (let request = 0; request < 1_001; request++) rate.spend(key('busy'), 1_000);
  await turn();
  expect(() => rate.spend(key('busy'), 1)).toThrow(TooManyRequestsError);
  expect(() => rate.spend(key('calm'), 1)).not.toThrow();
  vi.advanceTimersByTime(10_001);
  expect(() => rate.spend(key('busy'), 1)).not.toThrow();
});

it('refuses only this key after 128 MiB in ten seconds, before the next body is read', async () => {
  const rate = new PublishRate(new MemoryRateLimiters(), new RateLimitMetrics(new Registry()));
  for (let request = 0; request < 129; request++) rate.spendBytes(key('heavy'), 1_048_576);
  await turn();
  expect(() => rate.spendBytes(key('heavy'), 1)).toThrow(TooManyRequestsError);
  expect(() => rate.spendBytes(key('light'), 1)).not.toThrow();
});

it('refuses a key no longer than ten seconds, whatever a store with a wrong clock says', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  const limiters = new MemoryRateLimiters();
  const make = limiters.make.bind(limiters);
  vi.spyOn(limiters, 'make').mockImplementation((limit) =>
    Object.assign(make(limit), { consume: () => Promise.reject(new RateLimiterRes(0, 300_000)) }),
  );
  const rate = new PublishRate(limiters, new RateLimitMetrics(new Registry()));
  rate.spend(key('busy'), 1);
  await turn();
  expect(() => rate.spend(key('busy'), 1)).toThrow(TooManyRequestsError);
  vi.advanceTimersByTime(10_001);
  expect(() => rate.spend(key('busy'), 1)).not.toThrow();
});

it('counts an empty request as twenty events', async () => {
  const rate = new PublishRate(new MemoryRateLimiters(), new RateLimitMetrics(new Registry()));
  for (let request = 0; request <= 50_000; request++) rate.spend(key('idle'), 0);
  await turn();
  expect(() => rate.spend(key('idle'), 0)).toThrow(TooManyRequestsError);
});

it('counts what a key spends in one turn with one command for each limit', async () => {
  const limiters = new MemoryRateLimiters();
  const make = limiters.make.bind(limiters);
  const counted: unknown[][] = [];
  vi.spyOn(limiters, 'make').mockImplementation((limit) => {
    const limiter = make(limit);
    const consume = limiter.consume.bind(limiter);
    limiter.consume = (id, points) => {
      counted.push([limit.name, id, points]);
      return consume(id, points);
    };
    return limiter;
  });
  const rate = new PublishRate(limiters, new RateLimitMetrics(new Registry()));
  rate.spend(key('one'), 1);
  rate.spendRest(key('one'), 120);
  rate.spend(key('other'), 30);
  rate.spendBytes(key('one'), 5);
  await turn();
  expect(counted).toEqual([
    ['publish-rate', 'one', 120],
    ['publish-rate', 'other', 30],
    ['publish-bytes', 'one', 5],
  ]);
  rate.spend(key('one'), 1);
  rate.spendRest(key('one'), 7);
  await turn();
  expect(counted.at(-1)).toEqual(['publish-rate', 'one', 20]);
});
