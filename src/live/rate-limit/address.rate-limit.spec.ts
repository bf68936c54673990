import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ADDRESS_LIMITS } from './address.rate-limit.js';
import { FAILURE_LIMITS } from './failure.rate-limit.js';
import { VIEWER_LIMITS } from './viewer.rate-limit.js';

it('the rate limits equal those in docs/operations.md', () => {
  const text = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)`[^|]*\| (\d+) \|$/gm)];
  expect(Object.fromEntries(rows.map(([, name, limit]) => [name, Number(limit)]))).toEqual({
    ...ADDRESS_LIMITS,
    ...FAILURE_LIMITS,
    ...VIEWER_LIMITS,
  });
});
