import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { freePort } from '../../scripts/free-port.mjs';
import { certificateIn } from './certificate.js';
import { requireNeed } from './needs.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The visitor's address, different from that of proxies and nodes, 127.0.0.1. */
export const VISITOR = '127.0.0.77';

/** Runs installed proxies on free ports, with their files in one folder. */
export class Proxies {
  readonly #running: ChildProcess[] = [];

  /** @param folder a temporary folder */
  constructor(private readonly folder: string) {}

  /** Starts Caddy with this Caddyfile, with `PORT` replaced by a free port, and returns the port. */
  async caddy(caddyfile: string): Promise<number> {
    const port = await freePort();
    const path = join(this.folder, `Caddyfile-${port}`);
    writeFileSync(path, caddyfile.replaceAll('PORT', String(port)));
    const env = { HOME: this.folder, XDG_DATA_HOME: this.folder, XDG_CONFIG_HOME: this.folder };
    await this.#start(spawn(requireNeed('caddy'), ['run', '--config', path, '--adapter', 'caddyfile'], { env }), port);
    return port;
  }

  /** Starts nginx with this `http` block, with `PORT` replaced by a free port, and returns the port. */
  async nginx(http: string): Promise<number> {
    const port = await freePort();
    const own = join(this.folder, `nginx-${port}`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${own}-${name};`,
    );
    writeFileSync(
      `${own}.conf`,
      `daemon off; master_process off; pid ${own}.pid; error_log ${own}.log; events {}
      http { access_log off; ${temporary.join(' ')}\n${http.replaceAll('PORT', String(port))}\n}`,
    );
    await this.#start(spawn(requireNeed('nginx'), ['-c', `${own}.conf`, '-p', this.folder], { stdio: 'ignore' }), port);
    return port;
  }

  /** Starts the Caddy recipe of `deploy/` in front of `nodes`, with a self-signed certificate for `localhost`. */
  caddyRecipe(
    nodes: readonly string[],
    { outerProxy = '0.0.0.0/32', health = '/readyz' }: { outerProxy?: string; health?: string } = {},
  ): Promise<number> {
    const { cert, key } = certificateIn(this.folder);
    const file = changed(readFileSync(join(ROOT, 'deploy/caddy/Caddyfile'), 'utf8'), [
      ['\napp.example {', '\nhttps://localhost:PORT {'],
      ['# tls /etc/ssl/app.example.pem /etc/ssl/app.example.key', `tls ${cert} ${key}`],
      ['to 127.0.0.1:3000 127.0.0.1:3001', `to ${nodes.join(' ')}`],
      ['trusted_proxies 0.0.0.0/32', `trusted_proxies ${outerProxy}`],
      ['health_uri /readyz', `health_uri ${health}`],
    ]);
    return this.caddy(`{\n  admin off\n  auto_https disable_redirects\n}\n${file}`);
  }

  /** Starts the nginx recipe of `deploy/` in front of `nodes`, with a self-signed certificate for `localhost`. */
  async nginxRecipe(nodes: readonly string[], plainPort = '80'): Promise<number> {
    const { cert, key } = certificateIn(this.folder);
    const [one = '', two = one] = nodes;
    const file = changed(readFileSync(join(ROOT, 'deploy/nginx/sallyport.conf'), 'utf8'), [
      ['listen 80;', `listen ${plainPort === '80' ? await freePort() : plainPort};`],
      ['listen 443 ssl;', 'listen PORT ssl;'],
      ['ssl_certificate /etc/ssl/app.example.pem;', `ssl_certificate ${cert};`],
      ['ssl_certificate_key /etc/ssl/app.example.key;', `ssl_certificate_key ${key};`],
      ['127.0.0.1:3000', one],
      ['127.0.0.1:3001', two],
    ]);
    return this.nginx(file.replaceAll('server_name app.example;', 'server_name localhost;'));
  }

  /** Stops every proxy. */
  stop(): void {
    for (const child of this.#running) child.kill('SIGKILL');
  }

  async #start(child: ChildProcess, port: number): Promise<void> {
    this.#running.push(child);
    child.stdout?.resume();
    child.stderr?.resume();
    const answers = (): Promise<unknown> =>
      once(
        plainRequest({ host: '127.0.0.1', port, path: '/healthz' })
          .on('error', () => undefined)
          .end(),
        'response',
      );
    await vi.waitFor(answers, { timeout: 30_000, interval: 100 });
  }
}

/** Replaces each pair's first text with the second. Throws when the first is missing. */
function changed(text: string, pairs: readonly (readonly [string, string])[]): string {
  return pairs.reduce((whole, [from, to]) => {
    if (!whole.includes(from)) throw new Error(`The recipe has no "${from}" to replace.`);
    return whole.replace(from, to);
  }, text);
}

/** A response to {@link visit}. */
export interface Visit {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Options of {@link visit}. */
export interface VisitOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** The path to send unchanged; the URL's own path would be normalised. */
  readonly path?: string;
}

/** Sends a request from the visitor's address and accepts any certificate. */
export function visit(url: string, { method = 'GET', headers = {}, body, path }: VisitOptions = {}): Promise<Visit> {
  const send = url.startsWith('https:') ? tlsRequest : plainRequest;
  const target = path === undefined ? {} : { path };
  const options = { method, headers, localAddress: VISITOR, family: 4, rejectUnauthorized: false, ...target };
  return new Promise((resolve, reject) => {
    const sent = send(url, options);
    sent.on('error', reject).on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    sent.end(body);
  });
}

/** Sends one GraphQL operation from the visitor's address. */
export function queryAsVisitor(url: string, query: string, headers: Record<string, string> = {}): Promise<Visit> {
  const sent = { 'content-type': 'application/json', ...headers };
  return visit(`${url}/graphql`, { method: 'POST', headers: sent, body: JSON.stringify({ query }) });
}

/** Registers an account from the visitor's address. */
export async function registerAsVisitor(
  url: string,
  name: string,
  headers: Record<string, string> = {},
): Promise<{ id: string; cookie: string }> {
  const credentials = `email: "${name}@example.org", password: "correct horse of ${name}"`;
  const answer = await queryAsVisitor(url, `mutation { register(${credentials}) { id } }`, headers);
  const cookie = answer.headers['set-cookie']?.[0]?.split(';')[0];
  if (!cookie) throw new Error(`Not registered: ${answer.status} ${answer.body}`);
  return { id: (JSON.parse(answer.body) as { data: { register: { id: string } } }).data.register.id, cookie };
}

/** Registers an account from the visitor's address and returns the address that its session shows. */
export async function addressSeen(url: string, name: string, headers: Record<string, string> = {}): Promise<string> {
  const { cookie } = await registerAsVisitor(url, name, headers);
  const { body } = await queryAsVisitor(url, '{ sessions { ip } }', {
    ...headers,
    cookie,
    'apollo-require-preflight': 'true',
  });
  return (JSON.parse(body) as { data: { sessions: { ip: string }[] } }).data.sessions[0]?.ip ?? body;
}
