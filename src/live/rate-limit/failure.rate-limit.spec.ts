import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TooManyRequestsError } from '../errors/sallyport.errors.js';
import { MetricsRegistry } from '../metrics-registry.js';
import { MemoryRateLimiters } from '../store/memory/rate-limiters.memory.js';
import { FAILURE_LIMITS, FailureRateLimit } from './failure.rate-limit.js';
import { RateLimitMetrics } from './rate-limit.metrics.js';

const ADDRESS = '192.0.2.1';
const MINUTE_MS = 60_000;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Attempts that fail when `verify` resolves with false. */
function limited(): (verify: () => Promise<boolean>) => Promise<boolean> {
  const limits = { maxConnections: 1, maxConnectionsPerAddress: 1, maxConnectionsPerViewer: 1, maxHistoryBytes: 1 };
  const metrics = new RateLimitMetrics(new MetricsRegistry());
  const failures = new FailureRateLimit(new MemoryRateLimiters(), metrics, { ...limits, throttleExempt: [] });
  return (verify) =>
    failures.attempt('failedLogin', ADDRESS, verify, (outcome) => !('value' in outcome && outcome.value));
}

const failing = async (): Promise<boolean> => false;

it('refuses an address that has failed too often, for the rest of the minute', async () => {
  const attempt = limited();
  for (let failed = 0; failed < FAILURE_LIMITS.failedLogin; failed++) await attempt(failing);
  await expect(attempt(failing)).rejects.toThrow(TooManyRequestsError);
  vi.advanceTimersByTime(MINUTE_MS);
  expect(await attempt(failing)).toBe(false);
});

it('does not count successes', async () => {
  const attempt = limited();
  for (let done = 0; done < 3 * FAILURE_LIMITS.failedLogin; done++) expect(await attempt(async () => true)).toBe(true);
});

it('allows no more failures in a minute after successes that began in the one before', async () => {
  const attempt = limited();
  await attempt(failing);
  let verify: (isRight: boolean) => void = () => {};
  const verified = new Promise<boolean>((resolve) => (verify = resolve));
  const late = Array.from({ length: FAILURE_LIMITS.failedLogin - 1 }, () => attempt(() => verified));
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  verify(true);
  await Promise.all(late);
  for (let failed = 0; failed < FAILURE_LIMITS.failedLogin; failed++) await attempt(failing);
  await expect(attempt(failing)).rejects.toThrow(TooManyRequestsError);
});
