import { describe } from 'vitest';

/** What a machine may lack. `npm test` finds or starts each, and lists the test files that it skips. */
const VARIABLES = {
  postgres: 'TEST_DATABASE_URL',
  redis: 'TEST_REDIS_URL',
  chromium: 'TEST_CHROMIUM',
  faketime: 'TEST_FAKETIME',
  caddy: 'TEST_CADDY',
  nginx: 'TEST_NGINX',
  pgbouncer: 'TEST_PGBOUNCER',
  python: 'TEST_PYTHON',
  prometheus: 'TEST_PROMETHEUS',
  promtool: 'TEST_PROMTOOL',
} as const;

/** A store or program that some tests need. */
export type Need = keyof typeof VARIABLES;

/**
 * Returns the URL of a store or the path of a program; undefined if this machine has none.
 * `npm test` sets the variables; to run a single file, set `TEST_REDIS_URL` and the others by hand.
 */
export function findNeed(need: Need): string | undefined {
  return process.env[VARIABLES[need]] || undefined;
}

/** Like {@link findNeed}, for code inside a {@link needs} block. Throws when it is missing. */
export function requireNeed(need: Need): string {
  const place = findNeed(need);
  if (!place) throw new Error(`${need} is missing: run npm test, or set ${VARIABLES[need]}.`);
  return place;
}

/** A `describe` that runs only if everything named is present: `needs('redis')('the bus on Redis', () => …)`. */
export function needs(...names: Need[]): typeof describe | typeof describe.skip {
  return names.every(findNeed) ? describe : describe.skip;
}
