import { Registry } from 'prom-client';
import type { TestServer } from './server.js';

/**
 * Scrapes a server and adds up the samples of a metric that have all of these labels; 0 if there are none.
 *
 * @param name with its suffix if it is a histogram: `…_count`, `…_sum`
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
