import { describe } from 'vitest';

/** What a machine may lack. `npm test` finds it or starts it, and names aloud the files that go without. */
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

/** One of the stores and programs that tests use when they are there. */
export type Need = keyof typeof VARIABLES;

/**
 * Where a needed thing is: the URL of a store, the path of a program; undefined when the machine has none.
 * `npm test` sets these; for a single file set `TEST_REDIS_URL` and its like by hand.
 */
export function whereIs(need: Need): string | undefined {
  return process.env[VARIABLES[need]] || undefined;
}

/** Where a needed thing is, for code inside a {@link needs} block. Throws when it is missing. */
export function locate(need: Need): string {
  const place = whereIs(need);
  if (!place) throw new Error(`${need} is missing: run npm test, or set ${VARIABLES[need]}.`);
  return place;
}

/** A `describe` that runs only where everything named is there: `needs('redis')('the bus on Redis', () => …)`. */
export function needs(...names: Need[]): typeof describe | typeof describe.skip {
  return names.every(whereIs) ? describe : describe.skip;
}
