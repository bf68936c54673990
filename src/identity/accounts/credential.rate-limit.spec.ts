import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { InvalidCredentialsError, TooManyRequestsError } from '../../live/errors/sallyport.errors.js';
import { RateLimitMetrics } from '../../live/rate-limit/rate-limit.metrics.js';
import { MemoryGuessCounter } from '../../live/store/memory/guess-counter.memory.js';
import { PasswordRateLimit } from './credential.rate-limit.js';

const ADDRESS = '192.0.2.1';
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Guesses at once for one subject: how many were verified, and how each ended. */
async function guesses(count: number, isRight: (index: number) => boolean) {
  const limit = new PasswordRateLimit(new MemoryGuessCounter(), new RateLimitMetrics(new Registry()));
  let verified = 0;
  const verify = async (index: number): Promise<string> => {
    verified++;
    await turn();
    if (!isRight(index)) throw new InvalidCredentialsError();
    return 'ok';
  };
  const outcomes = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      limit
        .guess('login ada@example.org', ADDRESS, () => verify(index))
        .catch((error: unknown) => (error instanceof TooManyRequestsError ? 'refused' : 'wrong')),
    ),
  );
  return { verified, outcomes };
}

it('accepts the right password of one account on fifty devices at once', async () => {
  const { verified, outcomes } = await guesses(50, () => true);
  expect([verified, outcomes]).toEqual([50, Array.from({ length: 50 }, () => 'ok')]);
});

it('verifies five of fifty wrong passwords at once, and refuses the others', async () => {
  const { verified, outcomes } = await guesses(50, () => false);
  expect([verified, outcomes.filter((outcome) => outcome === 'wrong').length]).toEqual([5, 5]);
  expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(45);
});

it('refuses what would wait behind 64 others, instead of keeping it', async () => {
  const { verified, outcomes } = await guesses(100, () => true);
  expect([verified, outcomes.filter((outcome) => outcome === 'refused').length]).toEqual([69, 31]);
});
