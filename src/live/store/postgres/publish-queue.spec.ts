import { expect, it } from 'vitest';
import type { Publication, PublishOutcome } from '../../topics/topic.bus.js';
import { topicOf } from '../../topics/topic.js';
import { PublishQueue } from './publish-queue.js';

const definition = {
  name: 'numbers',
  field: 'number',
  historySize: 5,
  historySeconds: 60,
  onSubscribe: 'nothing',
  slowReader: 'close',
} as const;
const topic = topicOf(definition, 'user:6f1c0000-0000-4000-8000-000000000001');
const numbered = (count: number, bytes = 10): Publication[] =>
  Array.from({ length: count }, (_, payload) => ({ topic, payload, bytes }));

/** Statements that end when the test says so. */
class Statements {
  readonly sizes: number[] = [];
  readonly #ends: ((error?: Error) => void)[] = [];

  readonly append = (batch: readonly Publication[]): Promise<readonly PublishOutcome[]> => {
    this.sizes.push(batch.length);
    return new Promise((resolve, reject) => {
      const outcomes = batch.map(({ payload }): PublishOutcome => ({
        ok: true,
        cursor: String(payload),
        duplicate: false,
      }));
      this.#ends.push((error) => (error ? reject(error) : resolve(outcomes)));
    });
  };

  /** Ends the oldest one, and lets what waits for it go on. */
  async end(error?: Error): Promise<void> {
    this.#ends.shift()?.(error);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

it('joins the calls that come while a statement is under way, and gives each its own outcomes', async () => {
  const statements = new Statements();
  const queue = new PublishQueue(statements.append);
  const calls = [1, 2, 3].map((count) => queue.publish(numbered(count)));
  await statements.end();
  await statements.end();
  expect(statements.sizes).toEqual([1, 5]);
  const outcomes = await Promise.all(calls);
  expect(outcomes.map((each) => each.map((one) => one.ok && one.cursor))).toEqual([['0'], ['0', '1'], ['0', '1', '2']]);
});

it('joins at most a thousand publications, and splits no call', async () => {
  const statements = new Statements();
  const queue = new PublishQueue(statements.append);
  const calls = [1, 600, 600].map((count) => queue.publish(numbered(count)));
  for (let ended = 0; ended < 3; ended += 1) await statements.end();
  await Promise.all(calls);
  expect(statements.sizes).toEqual([1, 600, 600]);
});

it('joins at most four mebibytes', async () => {
  const statements = new Statements();
  const queue = new PublishQueue(statements.append);
  const calls = [1, 2, 2].map((count) => queue.publish(numbered(count, 1024 * 1024)));
  calls.push(queue.publish(numbered(1, 1)));
  for (let ended = 0; ended < 3; ended += 1) await statements.end();
  await Promise.all(calls);
  expect(statements.sizes).toEqual([1, 4, 1]);
});

it('sends more than a thousand in several statements', async () => {
  const statements = new Statements();
  const queue = new PublishQueue(statements.append);
  const call = queue.publish(numbered(2_500));
  for (let ended = 0; ended < 3; ended += 1) await statements.end();
  expect(await call).toHaveLength(2_500);
  expect(statements.sizes).toEqual([1_000, 1_000, 500]);
});

it('rejects what waits when a statement fails, and takes new calls', async () => {
  const statements = new Statements();
  const queue = new PublishQueue(statements.append);
  const calls = [queue.publish(numbered(1)), queue.publish(numbered(1))];
  const settled = Promise.allSettled(calls);
  await statements.end(new Error('unavailable'));
  expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const next = queue.publish(numbered(1));
  await statements.end();
  expect(await next).toHaveLength(1);
});
