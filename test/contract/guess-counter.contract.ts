import { randomUUID } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import {
  BUCKET_SIZE,
  FREE_GUESSES,
  type GuessCounter,
  type GuessVerdict,
  MAX_RESERVATIONS,
  placeOf,
} from '../../src/live/rate-limit/guess-counter.js';

const HERE = '2001:db8:1::/48';

/** The contract of a guess counter. `open` returns one counter, or several that share their counts and are used in turn. */
export function guessCounterContract(name: string, open: () => () => GuessCounter): void {
  describe(`a guess counter ${name}`, () => {
    async function wrong(counter: GuessCounter, subject: string, network = HERE): Promise<GuessVerdict> {
      const verdict = await counter.reserve(subject, network);
      if (verdict.ok) await counter.wrong(subject, verdict.count);
      return verdict;
    }

    const waitOf = (verdict: GuessVerdict): number => (verdict.ok ? 0 : verdict.waitMs);

    it('allows five of many concurrent guesses, and returns the wait of the others', async () => {
      const counter = open();
      const subject = randomUUID();
      const verdicts = await Promise.all(Array.from({ length: 50 }, () => counter().reserve(subject, HERE)));
      expect(verdicts.filter(({ ok }) => ok)).toHaveLength(FREE_GUESSES + 1);
      for (const verdict of verdicts) expect(waitOf(verdict)).toBeLessThanOrEqual(1_000);
    });

    it('counts subjects separately', async () => {
      const counter = open();
      const [one, other] = [randomUUID(), randomUUID()];
      for (let n = 0; n < 6; n += 1) await wrong(counter(), one);
      expect(await counter().reserve(other, HERE)).toEqual({ ok: true, count: 1 });
    });

    it('is reset by a correct guess', async () => {
      const counter = open();
      const subject = randomUUID();
      for (let n = 0; n < 5; n += 1) await wrong(counter(), subject);
      await counter().right(subject);
      expect(await counter().reserve(subject, HERE)).toEqual({ ok: true, count: 1 });
    });

    it('uncounts a guess that could not be verified, with its wait', async () => {
      const counter = open();
      const subject = randomUUID();
      for (let n = 0; n < 4; n += 1) await wrong(counter(), subject);
      for (let n = 0; n < 3; n += 1) {
        expect(await counter().reserve(subject, HERE)).toEqual({ ok: true, count: 5 });
        await counter().cancel(subject, 5);
      }
    });

    it('allows a guess after the wait, and then doubles the wait', async () => {
      const counter = open();
      const subject = randomUUID();
      for (let n = 0; n < 5; n += 1) await wrong(counter(), subject);
      expect(waitOf(await counter().reserve(subject, HERE))).toBeGreaterThan(0);
      await vi.waitFor(
        async () => expect(await counter().reserve(subject, 'x')).toEqual({ ok: true, count: 6 }),
        3_000,
      );
      await counter().wrong(subject, 6);
      const wait = waitOf(await counter().reserve(subject, 'y'));
      expect(wait).toBeGreaterThan(1_000);
      expect(wait).toBeLessThanOrEqual(2_000);
    });

    it('keeps the reservation of a refused network, whichever network guesses in between', async () => {
      const counter = open();
      const subject = randomUUID();
      for (let n = 0; n < 5; n += 1) await wrong(counter(), subject, 'attacker');
      expect(waitOf(await counter().reserve(subject, HERE))).toBeLessThanOrEqual(1_000);
      // The attacker takes each free attempt at once, until none has been free for longer than a reservation lasts.
      await vi.waitFor(async () => {
        await wrong(counter(), subject, 'attacker');
        expect(waitOf(await counter().reserve(subject, 'somebody else'))).toBeGreaterThan(1_000);
      }, 3_000);
      await vi.waitFor(async () => expect((await counter().reserve(subject, HERE)).ok).toBe(true), 3_000);
      expect((await counter().reserve(subject, HERE)).ok).toBe(false);
    });

    it('reserves an attempt for at most three networks at a time', async () => {
      const counter = open();
      const subject = randomUUID();
      for (let n = 0; n < 5; n += 1) await wrong(counter(), subject, 'attacker');
      for (let n = 0; n < 20; n += 1) await counter().reserve(subject, `network ${n}`);
      const passed = new Set<number>();
      await vi.waitFor(async () => {
        for (let n = 0; n < 20; n += 1) if ((await wrong(counter(), subject, `network ${n}`)).ok) passed.add(n);
        // The first allowed attempt, and those with a reservation.
        expect(passed.size).toBeGreaterThanOrEqual(MAX_RESERVATIONS);
      }, 5_000);
      expect(passed.size).toBeLessThanOrEqual(MAX_RESERVATIONS + 1);
    });

    it('remembers a subject no longer because of guesses that it refuses', async () => {
      const counter = open();
      const [refused = '', ...others] = namesInOneBucket(BUCKET_SIZE + 1);
      const newest = others.pop()!;
      for (let n = 0; n < 3; n += 1) await counter().reserve(refused, HERE);
      await counter().wrong(refused, FREE_GUESSES + 10);
      expect((await counter().reserve(refused, HERE)).ok).toBe(false);
      // The full bucket drops the older of the two with three guesses. All others have four.
      for (const other of others.slice(1)) for (let n = 0; n < 4; n += 1) await counter().reserve(other, HERE);
      for (let n = 0; n < 3; n += 1) await counter().reserve(others[0]!, HERE);
      expect((await counter().reserve(refused, HERE)).ok).toBe(false);
      await counter().reserve(newest, HERE);
      expect(await counter().reserve(refused, HERE)).toEqual({ ok: true, count: 1 });
      for (const subject of [refused, newest, ...others]) await counter().right(subject);
    });

    it('keeps a bounded number of subjects, and drops those with the fewest guesses first', async () => {
      const counter = open();
      const sameBucket = namesInOneBucket(3 * BUCKET_SIZE);
      const [guessedAt = '', ...others] = sameBucket;
      for (let n = 0; n < 4; n += 1) await wrong(counter(), guessedAt);
      for (const other of others) await wrong(counter(), other);
      expect(await counter().reserve(guessedAt, HERE)).toEqual({ ok: true, count: 5 });
      const remembered: string[] = [];
      for (const other of others) {
        const verdict = await counter().reserve(other, HERE);
        if (verdict.ok && verdict.count === 2) remembered.push(other);
        await counter().cancel(other, 2);
      }
      expect(remembered.length).toBeLessThan(BUCKET_SIZE);
      for (const subject of sameBucket) await counter().right(subject);
    });
  });
}

/** Returns `size` subjects that share a bucket. */
function namesInOneBucket(size: number): string[] {
  const run = randomUUID();
  const { bucket } = placeOf(run);
  const sameBucket: string[] = [];
  for (let n = 0; sameBucket.length < size; n += 1)
    if (placeOf(`${run} ${n}`).bucket === bucket) sameBucket.push(`${run} ${n}`);
  return sameBucket;
}
