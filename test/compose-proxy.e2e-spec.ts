import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { freePort } from '../scripts/free-port.mjs';
import { locate, needs } from './kit/needs.js';
import { startServer, type TestServer } from './kit/server.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
/** A visitor has an address of their own; both proxies come from 127.0.0.1. */
const VISITOR = '127.0.0.77';

interface Compose {
  readonly configs: { readonly balancer: { readonly content: string } };
  readonly services: Record<string, { readonly environment?: Record<string, string> }>;
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose;
const folder = temporaryFolder('proxies');
const running: ChildProcess[] = [];

/** Fills in `${NAME:-default}` as Compose does. */
function filledIn(text: string, given: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{(\w+)(?::[-?]([^}]*))?\}/g, (_, name: string, other?: string) => given[name] ?? other ?? '');
}

/** The balancer of docker-compose.yml, with the one node at `node` behind it. */
async function startBalancer(node: string, given: Readonly<Record<string, string>>): Promise<number> {
  const port = await freePort();
  const file = filledIn(compose.configs.balancer.content, given)
    .replace(':8080 {', `http://:${port} {`)
    .replace('node-1:3000 node-2:3000', node);
  await startCaddy(file, port);
  return port;
}

async function startCaddy(caddyfile: string, port: number): Promise<void> {
  const path = join(folder.path, `Caddyfile-${port}`);
  writeFileSync(path, caddyfile);
  const env = { HOME: folder.path, XDG_DATA_HOME: folder.path, XDG_CONFIG_HOME: folder.path };
  const args = ['run', '--config', path, '--adapter', 'caddyfile'];
  await start(spawn(locate('caddy'), args, { env, stdio: 'ignore' }), port);
}

/** nginx with the `location` that docs/operations.md shows. */
async function startNginx(target: string): Promise<string> {
  const port = await freePort();
  const location = /```nginx\n([\s\S]*?)```/.exec(read('docs/operations.md'))?.[1] ?? '';
  const { cert, key } = certificate();
  const config = `daemon off; master_process off; pid ${folder.path}/nginx.pid; error_log ${folder.path}/nginx.log;
    events {}
    http {
      access_log off; client_body_temp_path ${folder.path}/a; proxy_temp_path ${folder.path}/b;
      fastcgi_temp_path ${folder.path}/c; uwsgi_temp_path ${folder.path}/d; scgi_temp_path ${folder.path}/e;
      server { listen ${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key};
        ${location.replace('http://127.0.0.1:8080', target)} }
    }`;
  const path = join(folder.path, 'nginx.conf');
  writeFileSync(path, config);
  await start(spawn(locate('nginx'), ['-c', path, '-p', folder.path], { stdio: 'ignore' }), port);
  return `https://127.0.0.1:${port}`;
}

async function startOuterCaddy(target: string): Promise<string> {
  const port = await freePort();
  const { cert, key } = certificate();
  await startCaddy(
    `{
      admin off
    }
    https://:${port} {
      tls ${cert} ${key}
      reverse_proxy ${target.replace('http://', '')}
    }`,
    port,
  );
  return `https://127.0.0.1:${port}`;
}

let made: { cert: string; key: string } | undefined;
function certificate(): { cert: string; key: string } {
  if (made) return made;
  made = { cert: join(folder.path, 'cert.pem'), key: join(folder.path, 'key.pem') };
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', made.key, '-out', made.cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject, ...files], {
    stdio: 'ignore',
  });
  return made;
}

async function start(child: ChildProcess, port: number): Promise<void> {
  running.push(child);
  const options = { host: '127.0.0.1', port, path: '/healthz' };
  const answers = (): Promise<unknown> =>
    once(
      plainRequest(options)
        .on('error', () => undefined)
        .end(),
      'response',
    );
  await vi.waitFor(answers, { timeout: 30_000, interval: 100 });
}

/** Registers somebody from the visitor's address, and tells what address their session shows. */
async function addressSeen(url: string, name: string, headers: Record<string, string> = {}): Promise<string> {
  const credentials = `email: "${name}@example.org", password: "correct horse of ${name}"`;
  const registered = await post(url, `mutation { register(${credentials}) { id } }`, headers);
  const cookie = registered.cookie ?? '';
  const { body } = await post(url, '{ sessions { ip } }', {
    ...headers,
    cookie,
    'apollo-require-preflight': 'true',
  });
  return (JSON.parse(body) as { data: { sessions: { ip: string }[] } }).data.sessions[0]?.ip ?? body;
}

function post(
  url: string,
  query: string,
  headers: Record<string, string>,
): Promise<{ body: string; cookie: string | undefined }> {
  const request = url.startsWith('https:') ? tlsRequest : plainRequest;
  const options = { method: 'POST', localAddress: VISITOR, rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/graphql`, { ...options, headers: { 'content-type': 'application/json', ...headers } });
    sent.on('error', reject).on('response', (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ body, cookie: response.headers['set-cookie']?.[0]?.split(';')[0] }));
    });
    sent.end(JSON.stringify({ query }));
  });
}

needs('caddy', 'nginx')('the balancer of docker-compose.yml', () => {
  let server: TestServer;
  let node: string;
  let told: number;
  let untold: number;

  beforeAll(async () => {
    const outer = { OUTER_PROXIES: '127.0.0.1/32' };
    const trusted = filledIn(compose.services['node-1']?.environment?.['TRUSTED_PROXIES'] ?? '', outer);
    server = await startServer({ env: { TRUSTED_PROXIES: trusted, PUBLIC_URL: 'https://app.example' } });
    node = new URL(server.url).host;
    [told, untold] = await Promise.all([startBalancer(node, outer), startBalancer(node, {})]);
  }, 120_000);
  afterAll(async () => {
    for (const child of running) child.kill('SIGKILL');
    await server.stop();
    folder.remove();
  });

  it("passes on the visitor's address from Caddy with TLS in front of it", async () => {
    expect(await addressSeen(await startOuterCaddy(`http://127.0.0.1:${told}`), 'ada')).toBe(VISITOR);
  });

  it("passes on the visitor's address from nginx with TLS in front of it, as configured in docs/operations.md", async () => {
    expect(await addressSeen(await startNginx(`http://127.0.0.1:${told}`), 'bea')).toBe(VISITOR);
  });

  it('ignores addresses that visitors claim, with and without a configured proxy', async () => {
    const forged = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' };
    const refused = await post(`http://127.0.0.1:${told}`, '{ me { token } }', forged);
    expect(refused.body).toMatch(/Use https/);
    const direct = await post(`http://127.0.0.1:${untold}`, '{ me { token } }', forged);
    expect(direct.body).toMatch(/Use https/);
    const outer = await startOuterCaddy(`http://127.0.0.1:${told}`);
    expect(await addressSeen(outer, 'cat', { 'x-forwarded-for': '203.0.113.9' })).toBe(VISITOR);
  });

  it('treats every visitor as the outer proxy, over http, until that proxy is configured', async () => {
    const outer = await startOuterCaddy(`http://127.0.0.1:${untold}`);
    expect((await post(outer, '{ me { token } }', {})).body).toMatch(/Use https/);
  });
});
