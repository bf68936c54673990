import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { freePort } from '../scripts/free-port.mjs';
import { needs, requireNeed } from './kit/needs.js';
import { addressSeen, queryAsVisitor, Proxies, registerAsVisitor, visit, VISITOR } from './kit/proxies.js';
import { notify } from './kit/publish.js';
import { startServer, type TestServer } from './kit/server.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const CLAIMED = '203.0.113.9';

needs('caddy', 'nginx')('the TLS recipes of deploy/', () => {
  const folder = temporaryFolder('recipes');
  const proxies = new Proxies(folder.path);
  /** The port that nginx redirects to https. */
  let plainPort: number;
  let server: TestServer;
  let nodes: readonly string[];
  const urls: Record<string, string> = {};

  beforeAll(async () => {
    plainPort = await freePort();
    server = await startServer({
      env: { PUBLIC_URL: 'https://localhost', TRUSTED_PROXIES: '127.0.0.1', USER_COUNT_INTERVAL_SECONDS: '3600' },
    });
    // The second node does not run: requests go to the first.
    nodes = [new URL(server.url).host, `127.0.0.1:${await freePort()}`];
    urls['Caddy'] = `https://localhost:${await proxies.caddyRecipe(nodes)}`;
    urls['nginx'] = `https://localhost:${await proxies.nginxRecipe(nodes, String(plainPort))}`;
  }, 120_000);
  afterAll(async () => {
    proxies.stop();
    await server.stop();
    folder.remove();
  });

  describe.each(['Caddy', 'nginx'])('%s', (name) => {
    const url = (): string => urls[name] ?? '';

    it('serves pages over https and upgrades to a WebSocket, on which events arrive', async () => {
      const page = await visit(url());
      expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
      expect(page.headers['strict-transport-security']).toBeDefined();
      const { id, cookie } = await registerAsVisitor(url(), `ada-${name}`);
      const me = await queryAsVisitor(url(), '{ me { token } }', { cookie, 'apollo-require-preflight': 'true' });
      const { token } = (JSON.parse(me.body) as { data: { me: { token: string } } }).data.me;
      const socket = await openOver(url(), token);
      socket.send('{"type":"subscribe","id":"1","payload":{"query":"subscription { notifications { title } }"}}');
      const pong = next(socket, 'pong');
      socket.send('{"type":"ping"}');
      await pong;
      const event = next(socket, 'next');
      await notify(server, `user:${id}`, 'hello');
      expect((await event).payload).toEqual({ data: { notifications: { title: 'hello' } } });
      socket.close();
    });

    it("passes on the visitor's address, whatever the visitor claims", async () => {
      expect(await addressSeen(url(), `bea-${name}`)).toBe(VISITOR);
      const claims = {
        'x-forwarded-for': CLAIMED,
        forwarded: `for=${CLAIMED};proto=http;host=evil.example`,
        'x-real-ip': CLAIMED,
      };
      expect(await addressSeen(url(), `cat-${name}`, claims)).toBe(VISITOR);
    });

    it('says https to the nodes, whatever the visitor claims', async () => {
      const answer = await queryAsVisitor(url(), '{ me { token } }', {
        'x-forwarded-proto': 'http',
        forwarded: 'proto=http',
      });
      expect(JSON.parse(answer.body)).toEqual({ data: { me: null } });
    });

    it('gives each request an id that the visitor cannot choose', async () => {
      const { headers } = await visit(`${url()}/healthz`, { headers: { 'x-request-id': 'chosen' } });
      expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{32,36}$/);
    });

    it.each(['/metrics', '/readyz'])('does not show %s, in any spelling', async (path) => {
      expect((await visit(url() + path)).status).toBe(404);
      const escaped = `/%${path.charCodeAt(1).toString(16)}${path.slice(2)}`;
      const doubled = escaped.replace('%', '%25');
      for (const other of [
        `/${path}`,
        `/.${path}`,
        `/x/..${path}`,
        `/%2e${path}`,
        escaped,
        doubled,
        `${path}/`,
        `${path}?x`,
      ]) {
        const { status, body } = await visit(url(), { path: other });
        expect([other, status === 200, body.includes('sallyport_')]).toEqual([other, false, false]);
      }
    });

    it("keeps the entry of a shop's proxy and adds the proxy's address for the app proxy only", async () => {
      const seen = await forwardedTo(name, '/app-proxy/token', { 'x-forwarded-for': CLAIMED });
      expect(seen['x-forwarded-for']?.split(', ')).toEqual([CLAIMED, VISITOR]);
    });

    it('removes the Forwarded header (RFC 7239) before the nodes', async () => {
      const seen = await forwardedTo(name, '/healthz', { forwarded: `for=${CLAIMED}` });
      expect(seen['forwarded']).toBeUndefined();
      expect(seen['x-forwarded-for']).toBe(VISITOR);
    });
  });

  it('Caddy reuses no connection to a node that the node may be closing', async () => {
    const file = fileURLToPath(new URL('../deploy/caddy/Caddyfile', import.meta.url));
    const { stdout } = await promisify(execFile)(requireNeed('caddy'), ['adapt', '--config', file]);
    const timeouts = [...stdout.matchAll(/"handler":"reverse_proxy".*?"idle_timeout":(\d+)/g)];
    const proxied = stdout.match(/"handler":"reverse_proxy"/g);
    expect(timeouts.map(([, nanoseconds]) => Number(nanoseconds) / 1e9)).toEqual(proxied?.map(() => 8));
  });

  it("Caddy believes an outer proxy's X-Forwarded-For only if it is listed", async () => {
    const outer = { 'x-forwarded-for': CLAIMED, 'x-forwarded-proto': 'https' };
    const listed = `https://localhost:${await proxies.caddyRecipe(nodes, { outerProxy: `${VISITOR}/32` })}`;
    const trusting = await startServer({
      env: { PUBLIC_URL: 'https://localhost', TRUSTED_PROXIES: `127.0.0.1,${VISITOR}` },
    });
    const outerProxy = `${VISITOR}/32`;
    const behind = `https://localhost:${await proxies.caddyRecipe([new URL(trusting.url).host], { outerProxy })}`;
    expect(await addressSeen(behind, 'dan', outer)).toBe(CLAIMED);
    // Nodes that do not list it do not trust it either.
    expect(await addressSeen(listed, 'eve', outer)).toBe(VISITOR);
    await trusting.stop();
  });

  it("nodes behind nginx believe an outer proxy's X-Forwarded-For only if they list it", async () => {
    const trusting = await startServer({
      env: { PUBLIC_URL: 'https://localhost', TRUSTED_PROXIES: `127.0.0.1,${VISITOR}` },
    });
    const behind = `https://localhost:${await proxies.nginxRecipe([new URL(trusting.url).host])}`;
    expect(await addressSeen(behind, 'fay', { 'x-forwarded-for': CLAIMED })).toBe(CLAIMED);
    expect(await addressSeen(urls['nginx'] ?? '', 'gus', { 'x-forwarded-for': CLAIMED })).toBe(VISITOR);
    await trusting.stop();
  });

  it('nginx redirects pages to https and refuses requests with a body in the clear', async () => {
    const page = await visit(`http://localhost:${plainPort}/some?page`);
    expect([page.status, page.headers['location']]).toEqual([301, 'https://app.example/some?page']);
    expect((await queryAsVisitor(`http://localhost:${plainPort}`, '{ me { token } }')).status).toBe(403);
  });

  /** Returns the headers that reach a node. */
  async function forwardedTo(
    name: string,
    path: string,
    headers: Record<string, string>,
  ): Promise<Record<string, string | undefined>> {
    let seen: Record<string, string | undefined> = {};
    const node = createServer((request, response) => {
      if (request.url === path) seen = request.headers as Record<string, string>;
      response.end('ok');
    });
    const port = await freePort();
    await new Promise<void>((resolve) => node.listen(port, '127.0.0.1', resolve));
    const address = [`127.0.0.1:${port}`];
    const proxy = name === 'Caddy' ? await proxies.caddyRecipe(address) : await proxies.nginxRecipe(address);
    await visit(`https://localhost:${proxy}${path}`, { headers });
    node.closeAllConnections();
    node.close();
    return seen;
  }
});

interface Frame {
  readonly type: string;
  readonly payload?: unknown;
}

async function openOver(url: string, token: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('https', 'wss')}/graphql`, 'graphql-transport-ws', {
    rejectUnauthorized: false,
    origin: 'https://localhost',
    localAddress: VISITOR,
    family: 4,
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const acknowledged = next(socket, 'connection_ack');
  socket.send(JSON.stringify({ type: 'connection_init', payload: { token } }));
  await acknowledged;
  return socket;
}

function next(socket: WebSocket, type: string): Promise<Frame> {
  return new Promise((resolve, reject) => {
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame;
      if (frame.type === type) resolve(frame);
      else if (frame.type === 'error') reject(new Error(JSON.stringify(frame)));
    });
    socket.once('close', (code) => reject(new Error(`closed with ${code}`)));
  });
}
