import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../src/server/config/load-config.js';
import { freePort } from '../scripts/free-port.mjs';
import { temporaryFolder } from './kit/temporary-folder.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
/** Debian's first ordinary user, `node` in the image. */
const NODE_USER = 1000;

/** The instructions of the image's last stage. */
const instructions = read('Dockerfile')
  .split(/^FROM .*$/m)
  .at(-1)!
  .split('\n')
  .flatMap((line) => {
    const [, verb, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    return verb && rest ? [{ verb, rest }] : [];
  });
const all = (verb: string): string[] => instructions.flatMap((each) => (each.verb === verb ? [each.rest] : []));

describe('the image', () => {
  const folder = temporaryFolder('image');
  let server: ChildProcess;
  let url: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    for (const rest of all('COPY')) copy(rest);
    installProduction();
    mkdirSync(join(folder.path, 'data'));
    openTo(folder.path);
    const port = String(await freePort());
    url = `http://127.0.0.1:${port}`;
    const built = Object.fromEntries(all('ENV').map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]));
    const given = { PORT: port, HOST: '127.0.0.1', PUBLIC_URL: url, DATA_DIR: join(folder.path, 'data') };
    env = { ...built, ...given, SECRET_KEYS: randomBytes(48).toString('base64'), PATH: process.env['PATH'] ?? '' };
    const [, ...args] = JSON.parse(all('CMD')[0] ?? '[]') as string[];
    server = spawn(process.execPath, args, { cwd: folder.path, env, ...asNobody(), stdio: 'ignore' });
    await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).ok).toBe(true), {
      timeout: 90_000,
      interval: 200,
    });
  }, 120_000);
  afterAll(async () => {
    const ended = new Promise((resolve) => server.once('close', resolve));
    server.kill();
    await ended;
    folder.remove();
  });

  /** Copies what a COPY names. What comes from the build stage has been built here. */
  function copy(rest: string): void {
    const words = rest.replace(/^--from=build /, '').split(' ');
    const target = words.at(-1) ?? '.';
    for (const word of words.slice(0, -1)) {
      const source = word.replace(/^\/app\//, '');
      const to = words.length > 2 ? join(folder.path, target, source) : join(folder.path, target);
      cpSync(join(ROOT, source), to, { recursive: true });
    }
  }

  /** What `npm ci --omit=dev` installs: every package of the lockfile that is not there for development only. */
  function installProduction(): void {
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { dev?: true; optional?: true }> };
    for (const [path, { dev, optional }] of Object.entries(lock.packages)) {
      if (path === '' || dev || (optional && !statSync(join(ROOT, path), { throwIfNoEntry: false }))) continue;
      // Packages inside this one stand in the lockfile by themselves.
      const filter = (source: string): boolean => !source.slice(join(ROOT, path).length).includes('/node_modules');
      cpSync(join(ROOT, path), join(folder.path, path), { recursive: true, filter });
    }
  }

  it('SC-2 serves its pages as an unprivileged user, with only the copied files and production packages', async () => {
    expect(all('USER')).toEqual(['node']);
    expect(readdirSync(folder.path)).not.toContain('src');
    const page = await fetch(url);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: url },
      body: '{"query":"{ me { token } }"}',
    });
    expect(await answer.json()).toEqual({ data: { me: null } });
  });

  it('passes its own health check', async () => {
    const [check = ''] = all('HEALTHCHECK');
    const [, ...args] = JSON.parse(check.slice(check.indexOf('['))) as string[];
    await promisify(execFile)(process.execPath, args, { env });
    await expect(promisify(execFile)(process.execPath, args, { env: { ...env, PORT: '1' } })).rejects.toThrow(
      'Command failed',
    );
  });

  /** Tests may run as root, the image must not. */
  function asNobody(): { uid: number; gid: number } | Record<string, never> {
    return process.getuid?.() === 0 ? { uid: NODE_USER, gid: NODE_USER } : {};
  }

  function openTo(path: string): void {
    chmodSync(path, 0o755);
    chmodSync(join(path, 'data'), 0o777);
  }
});

describe('docker-compose.yml', () => {
  const compose = parse(read('docker-compose.yml'), { merge: true }) as {
    services: Record<string, { ports?: string[]; healthcheck?: unknown; networks: string[]; environment?: object }>;
    networks: Record<string, { internal?: boolean } | null>;
  };
  const { services } = compose;

  it('is valid by the Compose Specification', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    const schema = JSON.parse(read('test/compose-spec/compose-spec.json')) as { $schema?: string };
    delete schema.$schema;
    const validate = ajv.compile(schema);
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
    expect(validate({ ...compose, services: { 'node-1': { imag: 'x' } } })).toBe(false);
  });

  it('runs two equal nodes, a balancer, PostgreSQL and Redis, each with a health check', () => {
    expect(Object.keys(services).sort()).toEqual(['balancer', 'node-1', 'node-2', 'postgres', 'redis']);
    expect(services['node-1']).toEqual(services['node-2']);
    for (const service of Object.values(services)) expect(service.healthcheck).toBeDefined();
  });

  it('exposes only the balancer, only on this machine, and has no built-in password', () => {
    const open = Object.entries(services).flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(open).toEqual([['balancer', '${LISTEN:-127.0.0.1:8080}:8080']]);
    for (const store of ['postgres', 'redis']) expect(services[store]?.networks).toEqual(['stores']);
    expect(compose.networks['stores']?.internal).toBe(true);
    for (const [, value] of read('docker-compose.yml').matchAll(/(?:PASSWORD|SECRET_KEYS): (.*)/g))
      expect(value).toMatch(/^\$\{[A-Z_]+:\?/);
  });

  it('configures the nodes so that they start', () => {
    const given: Record<string, string> = {
      SECRET_KEYS: randomBytes(48).toString('base64'),
      POSTGRES_PASSWORD: 'abcdef',
    };
    const filledIn = (text: string): string =>
      text.replace(/\$\{(\w+)(?::[-?]([^}]*))?\}/g, (_, name: string, other?: string) => given[name] ?? other ?? '');
    const environment = Object.entries(services['node-1']?.environment ?? {}).map(
      ([name, text]) => [name, filledIn(String(text))] as const,
    );
    expect(loadConfig({ NODE_ENV: 'production', ...Object.fromEntries<string>(environment) })).toMatchObject({
      ok: true,
    });
  });
});
