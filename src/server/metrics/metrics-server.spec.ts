import pino from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { MetricsPage } from './metrics-page.js';
import { MetricsServer } from './metrics-server.js';

let text: () => Promise<string>;
let lines: Record<string, unknown>[];
let server: MetricsServer;

class TestPage extends MetricsPage {
  text(): Promise<string> {
    return text();
  }
}

beforeEach(async () => {
  lines = [];
  const logger = pino({}, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
  const config = { port: 0, host: '127.0.0.1', onServer: 'nobody' } as const;
  server = new MetricsServer(new TestPage(), config, logger);
  await server.onApplicationBootstrap();
});
afterEach(() => server.beforeApplicationShutdown());

const scrape = () => fetch(`http://127.0.0.1:${server.port}/metrics`);

it('a scrape is answered with 503 when the metrics cannot be gathered now, without a line in the log', async () => {
  text = () => Promise.reject(new UnavailableError());
  expect((await scrape()).status).toBe(503);
  expect(lines).toEqual([]);
});

it('a scrape is answered with 503 when gathering them fails, and the log has the error', async () => {
  text = () => Promise.reject(new TypeError('a collector is wrong'));
  expect((await scrape()).status).toBe(503);
  expect(lines).toMatchObject([{ level: 50, err: { message: 'a collector is wrong' } }]);
});
