import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { needs } from './kit/needs.js';
import { addressSeen, queryAsVisitor, Proxies, visit, VISITOR } from './kit/proxies.js';
import { startServer, type TestServer } from './kit/server.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Compose {
  readonly configs: { readonly balancer: { readonly content: string } };
  readonly services: Record<
    string,
    { readonly environment?: Record<string, string>; readonly healthcheck?: { readonly test: string[] } }
  >;
}

const compose = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as Compose;
const folder = temporaryFolder('proxies');
const proxies = new Proxies(folder.path);

/** Replaces `${NAME:-default}` as Compose does. */
function filledIn(text: string, given: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{(\w+)(?::[-?]([^}]*))?\}/g, (_, name: string, other?: string) => given[name] ?? other ?? '');
}

/** Starts the load balancer of docker-compose.yml in front of one node. */
function startBalancer(node: string, given: Readonly<Record<string, string>>): Promise<number> {
  return proxies.caddy(
    filledIn(compose.configs.balancer.content, given)
      .replace(':8080 {', 'http://:PORT {')
      .replace('node-1:3000 node-2:3000', node),
  );
}

needs('caddy', 'nginx')('the balancer of docker-compose.yml', () => {
  let server: TestServer;
  let withOuterProxy: string;
  let withoutOuterProxy: string;

  beforeAll(async () => {
    const outer = { OUTER_PROXIES: '127.0.0.1/32' };
    const trusted = filledIn(compose.services['node-1']?.environment?.['TRUSTED_PROXIES'] ?? '', outer);
    server = await startServer({ env: { TRUSTED_PROXIES: trusted, PUBLIC_URL: 'https://app.example' } });
    const node = new URL(server.url).host;
    const ports = await Promise.all([startBalancer(node, outer), startBalancer(node, {})]);
    [withOuterProxy, withoutOuterProxy] = ports.map((port) => `127.0.0.1:${port}`) as [string, string];
  }, 120_000);
  afterAll(async () => {
    proxies.stop();
    await server.stop();
    folder.remove();
  });

  const caddyBefore = async (balancer: string): Promise<string> =>
    `https://localhost:${await proxies.caddyRecipe([balancer], { health: '/healthz' })}`;

  it("passes on the visitor's address from Caddy with TLS in front of it", async () => {
    expect(await addressSeen(await caddyBefore(withOuterProxy), 'ada')).toBe(VISITOR);
  });

  it("passes on the visitor's address from nginx with TLS in front of it", async () => {
    expect(await addressSeen(`https://localhost:${await proxies.nginxRecipe([withOuterProxy])}`, 'bea')).toBe(VISITOR);
  });

  it('ignores addresses that visitors claim, with and without a configured proxy', async () => {
    const forged = {
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-proto': 'https',
      forwarded: 'for=203.0.113.9;proto=https',
    };
    for (const balancer of [withOuterProxy, withoutOuterProxy])
      expect((await queryAsVisitor(`http://${balancer}`, '{ me { token } }', forged)).body).toMatch(/Use https/);
    expect(await addressSeen(await caddyBefore(withOuterProxy), 'cat', forged)).toBe(VISITOR);
  });

  it('hides metrics and readiness, in any spelling', async () => {
    for (const path of [
      '/metrics',
      '/readyz',
      '//metrics',
      '/./metrics',
      '/x/../metrics',
      '/%6detrics',
      '/metrics?x',
    ]) {
      const { status, body } = await visit(`http://${withoutOuterProxy}`, { path });
      expect([path, status === 200, body.includes('sallyport_')]).toEqual([path, false, false]);
    }
  });

  it('passes its own health check behind an https PUBLIC_URL, although that comes over http', async () => {
    const { test = [] } = compose.services['balancer']?.healthcheck ?? {};
    const path = new URL(test.at(-1) ?? '').pathname;
    for (const balancer of [withOuterProxy, withoutOuterProxy])
      expect((await visit(`http://${balancer}${path}`)).status).toBe(200);
  });

  it('treats every visitor as the outer proxy, over http, until that proxy is configured', async () => {
    expect((await queryAsVisitor(await caddyBefore(withoutOuterProxy), '{ me { token } }')).body).toMatch(/Use https/);
  });
});
