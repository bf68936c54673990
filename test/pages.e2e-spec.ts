import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKey } from './kit/console-fixture.js';
import { startServer, type TestServer } from './kit/server.js';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
  await makeKey(server, ['console']);
});

afterAll(() => server.stop());

async function assetsOf(page: string): Promise<string[]> {
  const html = await (await fetch(server.url + page)).text();
  return [...html.matchAll(/(?:src|href)="([^"]+)"/g)].flatMap(([, path]) => path ?? []);
}

describe.each(['/', '/graphiql', '/console'])('the page %s', (path) => {
  it('is not cached, and has a strict policy', async () => {
    const { status, headers } = await fetch(server.url + path);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'; /);
    const socket = path === '/console' ? ';' : ` ${server.url.replace('http', 'ws')};`;
    expect(headers.get('content-security-policy')).toContain(`connect-src 'self'${socket}`);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
  });

  it('loads only its own files and runs no inline scripts', async () => {
    const html = await (await fetch(server.url + path)).text();
    expect(html).not.toMatch(/https?:\/\//);
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)/);
  });

  it('loads files that are cached for a year and were compressed at build time', async () => {
    const assets = await assetsOf(path);
    expect(assets.length).toBeGreaterThan(2);
    for (const asset of assets.filter((name) => /\.(?:js|css)$/.test(name))) {
      expect(asset).toMatch(/^\/assets\/.+-[\w-]{8}\.(?:js|css)$/);
      const { status, headers } = await fetch(server.url + asset, { headers: { 'accept-encoding': 'br' } });
      expect(status).toBe(200);
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      const length = Number(headers.get('content-length'));
      if (length > 1024) expect(headers.get('content-encoding')).toBe('br');
      expect(headers.get('vary')).toMatch(/accept-encoding/i);
    }
  });
});

describe('the files of the pages', () => {
  it.each(['/assets/none.js', '/assets/', '/assets/..%2f..%2fpackage.json', '/assets/%2e%2e/index.html'])(
    'contain no %s',
    async (path) => {
      expect((await fetch(server.url + path)).status).toBe(404);
    },
  );

  it("keep the app's first load under 150 KB of gzipped script", async () => {
    let bytes = 0;
    for (const asset of (await assetsOf('/')).filter((name) => name.endsWith('.js'))) {
      const { headers } = await fetch(server.url + asset, { headers: { 'accept-encoding': 'gzip' } });
      bytes += Number(headers.get('content-length'));
    }
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(150 * 1024);
  });
});

describe('the console', () => {
  /** Returns the scripts of a page with their static and dynamic imports. */
  async function scriptsOf(page: string): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const waiting = (await assetsOf(page)).filter((name) => name.endsWith('.js'));
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (found.has(name)) continue;
      const text = await (await fetch(server.url + name)).text();
      found.set(name, text);
      for (const [, other] of text.matchAll(/["'`](?:\.\/|\/?assets\/)([\w.-]+\.js)["'`]/g))
        waiting.push(`/assets/${other}`);
    }
    return found;
  }

  it('is no part of the app: neither a file of it nor a line', async () => {
    const [app, own] = [await scriptsOf('/'), await scriptsOf('/console')];
    const marks = ['/console/api', 'sallyport-background', 'What is sent'];
    const ofApp = [...app.values()].join('');
    expect(marks.filter((mark) => ofApp.includes(mark))).toEqual([]);
    const ofConsole = [...own.values()].join('');
    expect(marks.filter((mark) => ofConsole.includes(mark))).toEqual(marks);
    const entry = [...own.keys()].find((name) => name.includes('console'));
    expect(entry).toBeDefined();
    expect([...app.keys()]).not.toContain(entry);
    // The console loads neither the app nor the app's own dependencies.
    expect(ofConsole).not.toContain('ApolloProvider');
    expect([...own.keys()].filter((name) => name.includes('/app-'))).toEqual([]);
  });
});

describe('GraphiQL', () => {
  it('is not served when it is disabled', async () => {
    const closed = await startServer({ env: { GRAPHIQL: 'false' } });
    expect((await fetch(`${closed.url}/graphiql`)).status).toBe(404);
    expect((await fetch(closed.url)).status).toBe(200);
    await closed.stop();
  });
});
