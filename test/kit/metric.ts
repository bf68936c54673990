import { Registry } from 'prom-client';
import type { TestServer } from './server.js';

/**
 * The sum of the samples of a metric whose labels include all of these, as a scrape shows them now; 0 without any.
 *
 * @param name with the suffix of a histogram's part: `…_count`, `…_sum`
 */
export async function metric(
  { app }: Pick<TestServer, 'app'>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const text = await app.get(Registry, { strict: false }).metrics();
  const samples = [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].filter(([, found]) => found === name);
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const matching = samples.filter(([, , found = '']) => wanted.every((pair) => found.split(',').includes(pair)));
  return matching.reduce((sum, [, , , value]) => sum + Number(value), 0);
}
