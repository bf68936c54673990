import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MetricsServer } from '../src/server/metrics/metrics-server.js';
import { openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { createDatabase } from './kit/postgres-database.js';
import { rawHttp } from './kit/raw-http.js';
import { RedisServer } from './kit/redis-server.js';
import { startServer, type TestServer } from './kit/server.js';

const QUIET = { USER_COUNT_INTERVAL_SECONDS: '3600' };
const PRODUCTION = {
  NODE_ENV: 'production',
  PUBLIC_URL: 'http://127.0.0.1:1',
  SECRET_KEYS: 'kX7pQ2vT9mB4nZ6rW8yC1dF3gH5jL0sA',
};
const WAIT = { timeout: 15_000, interval: 50 };

/** Returns the metric names in Prometheus's exposition format. */
const namesIn = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!).filter((name) => name.startsWith('sallyport_')),
  );
/** Returns the metric names in docs/metrics.md, by section. */
const documented = (): Map<string, Set<string>> => {
  const sections = readFileSync('docs/metrics.md', 'utf8').split(/^## /m).slice(1);
  return new Map(
    sections.map((section) => [
      section.split('\n', 1)[0]!,
      new Set([...section.matchAll(/^\| `(sallyport_\w+)/gm)].map(([, name]) => name!)),
    ]),
  );
};

describe('the metrics', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ env: { METRICS_PORT: '0', STORE: 'memory', ...QUIET } });
  });
  afterAll(() => server.stop());

  const own = () => `http://127.0.0.1:${server.app.get(MetricsServer).port}`;
  const scrape = async () => (await fetch(`${own()}/metrics`)).text();

  it('are on a port of their own with METRICS_PORT, which serves nothing else', async () => {
    const response = await fetch(`${own()}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain');
    expect(await response.text()).toContain('sallyport_sockets 0');
    for (const path of ['/', '/graphql', '/healthz', '/metrics/x'])
      expect((await fetch(own() + path)).status).toBe(404);
    expect((await fetch(`${own()}/metrics`, { method: 'POST' })).status).toBe(404);
    expect((await rawHttp(own(), 'GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n')).status).toBe(404);
  });

  it('say how long requests take, by route and never by path', async () => {
    await fetch(`${server.url}/healthz`);
    await fetch(`${server.url}/no/such/path-${'x'.repeat(50)}`);
    await vi.waitFor(async () => {
      const text = await scrape();
      expect(text).toMatch(
        /sallyport_http_request_duration_seconds_count\{method="GET",route="\/healthz",status="2xx"\} [1-9]/,
      );
      expect(text).not.toContain('no/such');
    }, WAIT);
  });

  it('count refused sockets by reason', async () => {
    await openSocket(server.url, { token: 'nonsense' }).catch(() => null);
    expect(await scrape()).toMatch(/sallyport_sockets_refused_total\{reason="malformed"\} [1-9]/);
  });

  it('count file descriptors, and list no sockets', async () => {
    const text = await scrape();
    const open = Number(/^process_open_fds (\d+)$/m.exec(text)?.[1]);
    expect(Math.abs(open - readdirSync('/proc/self/fd').length)).toBeLessThan(20);
    expect(text).not.toContain('nodejs_active');
  });

  it('tell the version', async () => {
    expect(await scrape()).toMatch(/sallyport_build_info\{version="\d+\.\d+\.\d+[^"]*",node="v\d+\.[^"]+"\} 1/);
  });

  it('are listed in docs/metrics.md, each of them and no other', async () => {
    const all = documented();
    const expected = ['Always', 'With the store in memory'].flatMap((name) => [...(all.get(name) ?? [])]);
    expect([...namesIn(await scrape())].sort()).toEqual(expected.sort());
  });
});

describe('in production', () => {
  it('LK-4 the port of the server serves /metrics on this machine, and not what comes through a proxy', async () => {
    const server = await startServer({ env: { ...PRODUCTION, STORE: 'memory', ...QUIET } });
    const answer = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(server.url + path, { headers });
      const ofEach = /^(?:x-request-id|date)$/;
      return [response.status, await response.text(), [...response.headers].filter(([name]) => !ofEach.test(name))];
    };
    expect(await answer('/metrics')).toEqual([200, expect.stringContaining('sallyport_sockets 0'), expect.anything()]);
    const unknown = await answer('/nowhere');
    for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'])
      expect(await answer('/metrics', { [name]: '10.1.2.3' })).toEqual(unknown);
    await server.stop();
  });

  it('METRICS_PORT takes /metrics from the port of the server', async () => {
    const server = await startServer({ env: { ...PRODUCTION, METRICS_PORT: '0', STORE: 'memory', ...QUIET } });
    expect((await fetch(`${server.url}/metrics`)).status).toBe(404);
    const { port } = server.app.get(MetricsServer);
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(200);
    await server.stop();
  });
});

needs('redis', 'postgres')('the metrics of shared stores', () => {
  it('are listed in docs/metrics.md as well', async () => {
    const [redis, database] = await Promise.all([RedisServer.start(), createDatabase()]);
    const stores = { REDIS_URL: redis.url, DATABASE_URL: database.url };
    const server = await startServer({ env: { ...stores, ...QUIET } });
    const all = documented();
    const expected = ['Always', 'With a shared store', 'With DATABASE_URL'].flatMap((name) => [
      ...(all.get(name) ?? []),
    ]);
    const found = namesIn(await (await fetch(`${server.url}/metrics`)).text());
    expect([...found].sort()).toEqual(expected.sort());
    await server.stop();
    await redis.remove();
    await database.drop();
  });
});
