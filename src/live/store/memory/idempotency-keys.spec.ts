import { expect, it } from 'vitest';
import { IdempotencyKeys } from './idempotency-keys.js';

it('a publisher whose event is published again and again loses its own keys, not those of others', () => {
  const keys = new IdempotencyKeys(() => {}, { ofPublisher: 15, together: 20 });
  const used = { digest: 'd', cursor: 'c', usedAtMs: 0 };
  keys.add('quiet', 'first', used);
  keys.add('quiet', 'second', used);
  for (let time = 0; time < 40; time++) keys.add('busy', 'same', used);
  expect([keys.find('quiet', 'first', 1), keys.find('quiet', 'second', 1), keys.find('busy', 'same', 1)]).toEqual([
    expect.objectContaining(used),
    expect.objectContaining(used),
    expect.objectContaining(used),
  ]);
});
