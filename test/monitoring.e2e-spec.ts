import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { freePort } from '../scripts/free-port.mjs';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { MetricsServer } from '../src/server/metrics/metrics-server.js';
import { Issuer, trustedIssuersEnv } from './kit/issuer.js';
import { requireNeed, needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { RedisServer } from './kit/redis-server.js';
import { startServer, type TestServer } from './kit/server.js';
import { temporaryFolder } from './kit/temporary-folder.js';
import { WebhookReceiver } from './kit/webhook-receiver.js';
import { startWorkers, type WorkersServer } from './kit/workers.js';
import { closeCodeFor } from '../src/testing/live-socket.js';

const DEPLOY = fileURLToPath(new URL('../deploy', import.meta.url));
const read = (file: string): string => readFileSync(join(DEPLOY, file), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: unknown;
  readonly targets?: readonly { readonly expr: string; readonly datasource: unknown }[];
}

const rules = (parse(read('prometheus/rules.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const dashboard = JSON.parse(read('grafana/sallyport.json')) as {
  templating: { list: { name: string }[] };
  panels: Panel[];
};
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

/** Returns a panel's queries with Grafana's variables replaced. */
function queriesOf({ targets = [] }: Panel): string[] {
  return targets.map(({ expr }) =>
    expr.replaceAll('$job', 'sallyport').replaceAll('$instance', '.*').replaceAll('$__rate_interval', '5m'),
  );
}

/** Returns the series selectors in a query, such as `sallyport_sockets{job="sallyport"}`. */
function selectorsIn(query: string): string[] {
  return [...query.matchAll(/[a-z_][a-z0-9_]*\{[^}]*\}/g)].map(([selector]) => selector);
}

describe('the alerts', () => {
  const names = rules.map(({ alert }) => alert);

  it('each have a severity, a summary and an entry in docs/runbook.md, which has no other', () => {
    const headings = [...readFileSync(join(DEPLOY, '../docs/runbook.md'), 'utf8').matchAll(/^## (.*)\n(.+)/gm)];
    expect(headings.map(([, heading]) => heading)).toEqual(names);
    for (const { alert, labels, annotations } of rules) {
      expect(['critical', 'warning']).toContain(labels.severity);
      expect(annotations.summary).toMatch(/^.{10,}\.$/);
      expect(annotations.runbook).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
    }
  });

  it('each fire in rules.test.yml', () => {
    const tests = read('prometheus/rules.test.yml');
    for (const name of names) expect(tests).toContain(`{alertname="${name}"}`);
  });
});

needs('promtool')('promtool', () => {
  const promtool = (...args: string[]) =>
    promisify(execFile)(requireNeed('promtool'), args, { cwd: join(DEPLOY, 'prometheus') });

  it('accepts the configuration and the rules', async () => {
    const { stdout } = await promtool('check', 'config', 'prometheus.yml');
    expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`);
  });

  it('finds that each alert fires when it must, and none on two healthy nodes', async () => {
    const { stdout } = await promtool('test', 'rules', 'rules.test.yml');
    expect(stdout).toContain('SUCCESS');
  });
});

describe('the dashboard', () => {
  it('has panels with a title, a description, a query and a place of their own', () => {
    const all = dashboard.panels;
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    const taken = new Set<string>();
    for (const { gridPos } of all)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(x).toBeLessThan(24);
          expect(taken).not.toContain(`${x} ${y}`);
          taken.add(`${x} ${y}`);
        }
    for (const panel of panels) {
      expect(panel.title).not.toBe('');
      expect(panel.description ?? '').not.toBe('');
      expect(panel.targets?.length).toBeGreaterThan(0);
    }
  });

  it('reads from the data source, the job and the nodes that are chosen', () => {
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'instance']);
    for (const { datasource, targets = [] } of panels) {
      for (const used of [datasource, ...targets.map((target) => target.datasource)])
        expect(used).toEqual({ type: 'prometheus', uid: '${datasource}' });
      for (const selector of targets.flatMap(({ expr }) => selectorsIn(expr)))
        expect(selector).toContain('{job="$job",instance=~"$instance"');
    }
  });
});

needs(
  'prometheus',
  'redis',
  'postgres',
)('Prometheus, with the configuration of deploy/, two nodes, and a server with workers', () => {
  const folder = temporaryFolder('prometheus');
  let issuer: Issuer;
  let webhooks: WebhookReceiver;
  let redis: RedisServer;
  let database: TestDatabase;
  let shared: TestServer;
  let alone: TestServer;
  let withWorkers: WorkersServer;
  let prometheus: ChildProcess;
  let url: string;

  beforeAll(async () => {
    [issuer, redis, database, webhooks] = await Promise.all([
      Issuer.start('acme'),
      RedisServer.start(),
      createDatabase(),
      WebhookReceiver.start(),
    ]);
    const env = {
      METRICS_PORT: '0',
      USER_COUNT_INTERVAL_SECONDS: '0.5',
      APP_PROXY_SECRET: randomBytes(32).toString('hex'),
      APP_PROXY_SHOPS: 'demo.myshopify.com',
      ...trustedIssuersEnv(issuer),
    };
    const stores = { REDIS_URL: redis.url, DATABASE_URL: database.url, ...webhooks.env };
    const metricsPort = String(await freePort());
    [shared, alone, withWorkers] = await Promise.all([
      startServer({ env: { ...env, ...stores } }),
      startServer({ env }),
      startWorkers({ METRICS_PORT: metricsPort }),
    ]);
    const ports = [shared, alone].map(({ app }) => app.get(MetricsServer).port);
    url = await startPrometheus([...ports, metricsPort].map((port) => `127.0.0.1:${port}`));
    const traffic = await makeTraffic(shared);
    redis.freeze();
    // Commands without a reply are counted, and then the store is unavailable.
    await finds('sallyport_store_failures_total > 0');
    await redis.stop();
    expect((await publish(shared, traffic)).status).toBe(503);
    await finds('sallyport_store_up{store="redis"} == 0');
  }, 180_000);
  afterAll(async () => {
    const ended = once(prometheus, 'exit');
    prometheus.kill('SIGKILL');
    await ended;
    await Promise.all([shared.stop(), alone.stop(), withWorkers.remove()]);
    await Promise.all([redis.remove(), issuer.stop(), database.drop(), webhooks.stop()]);
    folder.remove();
  });

  it.each(panels.map((panel) => [panel.title, panel] as const))('answers the panel "%s"', async (_, panel) => {
    for (const each of queriesOf(panel)) await finds(each);
  });

  it.each(rules.map((rule) => [rule.alert, rule] as const))('has all that the alert %s reads', async (_, rule) => {
    const selectors = selectorsIn(rule.expr);
    expect(selectors.length).toBeGreaterThan(0);
    for (const selector of selectors) await finds(selector);
  });

  it('evaluates every rule, and sees the store that is unavailable', async () => {
    interface Evaluated {
      readonly name: string;
      readonly health: string;
      readonly state: string;
    }
    await vi.waitFor(
      async () => {
        const { groups } = (await get('/api/v1/rules')) as { groups: { rules: Evaluated[] }[] };
        const evaluated = groups.flatMap((group) => group.rules);
        expect(evaluated.map(({ name, health }) => [name, health])).toEqual(rules.map(({ alert }) => [alert, 'ok']));
        const unavailable = evaluated.find(({ name }) => name === 'SallyportStoreUnavailable');
        expect(['pending', 'firing']).toContain(unavailable?.state);
      },
      { timeout: 60_000, interval: 250 },
    );
  });

  async function startPrometheus(targets: readonly string[]): Promise<string> {
    const port = await freePort();
    const hosts = targets.map((target) => `'${target}'`).join(', ');
    const config = read('prometheus/prometheus.yml')
      .replaceAll('15s', '500ms')
      .replace("'127.0.0.1:9464', '127.0.0.1:9465'", hosts);
    writeFileSync(join(folder.path, 'prometheus.yml'), config);
    copyFileSync(join(DEPLOY, 'prometheus/rules.yml'), join(folder.path, 'rules.yml'));
    const args = [
      `--config.file=${join(folder.path, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder.path, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ];
    prometheus = spawn(requireNeed('prometheus'), args, { stdio: 'ignore' });
    const at = `http://127.0.0.1:${port}`;
    await vi.waitFor(async () => expect((await fetch(`${at}/-/ready`)).ok).toBe(true), { timeout: 60_000 });
    return at;
  }

  async function get(path: string): Promise<unknown> {
    const answer = (await (await fetch(url + path)).json()) as { status: string; data: unknown; error?: string };
    if (answer.status !== 'success') throw new Error(answer.error);
    return answer.data;
  }

  async function query(expression: string): Promise<unknown[]> {
    const { result } = (await get(`/api/v1/query?query=${encodeURIComponent(expression)}`)) as { result: unknown[] };
    return result;
  }

  /** Waits until a query has a result: rates need two scrapes. */
  async function finds(expression: string): Promise<void> {
    await vi.waitFor(async () => expect([expression, await query(expression)]).not.toEqual([expression, []]), {
      timeout: 60_000,
      interval: 250,
    });
  }

  interface Traffic {
    readonly key: string;
    readonly viewer: string;
  }

  function publish({ url: to }: TestServer, { key, viewer }: Traffic): Promise<Response> {
    const events = ['user_count', 'nonsense'].map((topic) => ({ topic, viewer, payload: 1 }));
    return fetch(`${to}/publish`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ events }),
    });
  }

  /**
   * Makes traffic: delivered and refused events, sockets (one ends with its session), a forged token, and a refused shop
   * request.
   */
  async function makeTraffic(server: TestServer): Promise<Traffic> {
    const ada = await server.signedIn();
    const socket = await ada.socket();
    socket.subscribe('1', 'subscription { userCount }');
    await socket.waitForNext('1');
    const key = (await server.app.get(ApiKeys).create('traffic')) ?? '';
    const traffic = { key, viewer: ada.viewerId };
    expect((await publish(server, traffic)).status).toBe(200);
    expect(await closeCodeFor(server.url, 'forged')).toBe(4403);
    const eve = await server.signedIn();
    const ended = await eve.socket();
    await eve.browser.logout();
    await ended.waitForClose();
    expect((await fetch(`${server.url}/app-proxy?signature=none`)).status).toBe(403);
    await finds('sallyport_delivery_lag_seconds_count{path="live"} > 1');
    return traffic;
  }
});
