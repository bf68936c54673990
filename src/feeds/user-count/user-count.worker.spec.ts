import { Logger } from '@nestjs/common';
import { afterEach, expect, it, vi } from 'vitest';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import type { IntervalLease } from '../../live/leases/interval-lease.js';
import type { Presence } from '../../live/presence/presence.js';
import type { TopicBus } from '../../live/topics/topic.bus.js';
import { UserCountWorker } from './user-count.worker.js';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Lets two ticks pass, each of which fails with this error, and returns what was logged. */
async function logOfTwoTicks(error: Error): Promise<readonly unknown[]> {
  vi.useFakeTimers();
  const logged = vi.spyOn(Logger.prototype, 'error').mockReturnValue();
  const take = vi.fn().mockRejectedValue(error);
  const lease = { take } as unknown as IntervalLease;
  const worker = new UserCountWorker({} as TopicBus, {} as Presence, lease, { userCountIntervalSeconds: 5 });
  worker.onApplicationBootstrap();
  await vi.advanceTimersByTimeAsync(10_000);
  worker.onModuleDestroy();
  expect(take).toHaveBeenCalledTimes(2);
  return logged.mock.calls.map(([message]): unknown => message);
}

it('logs an unexpected failure and ticks again', async () => {
  const error = new TypeError('unexpected');
  expect(await logOfTwoTicks(error)).toEqual([error, error]);
});

it('leaves the report of an outage to the store and ticks again', async () => {
  expect(await logOfTwoTicks(new UnavailableError())).toEqual([]);
});

it('ends only when its running tick has ended', async () => {
  vi.useFakeTimers();
  let answer = (): void => {};
  const take = () => new Promise<boolean>((resolve) => (answer = () => resolve(false)));
  const lease = { take } as unknown as IntervalLease;
  const worker = new UserCountWorker({} as TopicBus, {} as Presence, lease, { userCountIntervalSeconds: 5 });
  worker.onApplicationBootstrap();
  await vi.advanceTimersByTimeAsync(5_000);
  const ended = vi.fn();
  worker.onModuleDestroy();
  const ending = worker.beforeApplicationShutdown();
  void Promise.resolve(ending).then(ended);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ended).not.toHaveBeenCalled();
  answer();
  await ending;
});
