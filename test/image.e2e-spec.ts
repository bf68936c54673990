import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
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
/** The uid of `node` in the image, Debian's first ordinary user. */
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

  /** Copies the files of a COPY instruction. Files from the build stage have been built here. */
  function copy(rest: string): void {
    const words = rest.replace(/^--from=build /, '').split(' ');
    const target = words.at(-1) ?? '.';
    for (const word of words.slice(0, -1)) {
      const source = word.replace(/^\/app\//, '');
      const to = words.length > 2 ? join(folder.path, target, source) : join(folder.path, target);
      cpSync(join(ROOT, source), to, { recursive: true });
    }
  }

  /** Installs what `npm ci --omit=dev` would: every package in the lockfile that is not only for development. */
  function installProduction(): void {
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { dev?: true; optional?: true }> };
    for (const [path, { dev, optional }] of Object.entries(lock.packages)) {
      if (path === '' || dev || (optional && !statSync(join(ROOT, path), { throwIfNoEntry: false }))) continue;
      // Nested packages have their own entries in the lockfile.
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

  it('has the labels of the OCI image specification, in the version of package.json', () => {
    const labels = Object.fromEntries(
      all('LABEL').map((pair) => {
        const [, name = '', value = ''] = /^org\.opencontainers\.image\.([a-z.]+)="(.*)"$/.exec(pair) ?? [];
        return [name, value];
      }),
    );
    const { version, license } = JSON.parse(read('package.json')) as { version: string; license: string };
    const [, base] = read('Dockerfile').match(/[^]*^FROM (\S+)$/m) ?? [];
    expect(labels).toEqual({
      title: 'Sallyport',
      description: expect.stringMatching(/^.{20,}$/) as string,
      version,
      licenses: license,
      'base.name': `docker.io/library/${base}`,
      revision: '${REVISION}',
      created: '${CREATED}',
    });
    for (const name of ['REVISION', 'CREATED']) expect(all('ARG')).toContain(`${name}=""`);
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
    services: Record<
      string,
      {
        ports?: string[];
        healthcheck?: unknown;
        networks: string[];
        secrets?: string[];
        environment?: Record<string, string | null>;
      }
    >;
    secrets: Record<string, { file: string }>;
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

  it('exposes only the balancer, and only on this machine', () => {
    const open = Object.entries(services).flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(open).toEqual([['balancer', '${LISTEN:-127.0.0.1:8080}:8080']]);
    for (const store of ['postgres', 'redis']) expect(services[store]?.networks).toEqual(['stores']);
    expect(compose.networks['stores']?.internal).toBe(true);
  });

  it('takes secrets from files, and has no built-in password', () => {
    for (const { environment = {}, secrets = [] } of Object.values(services)) {
      for (const [name, value] of Object.entries(environment)) {
        if (!/SECRET|PASSWORD|DATABASE_URL/.test(name) || value === null) continue;
        const [, file = ''] = /^@?\/run\/secrets\/([a-z-]+)$/.exec(value) ?? [];
        expect([name, secrets]).toEqual([name, expect.arrayContaining([file]) as string[]]);
        expect(compose.secrets[file]).toEqual({ file: `\${SECRETS_DIR:-./secrets}/${file}` });
      }
    }
    expect(services['postgres']?.secrets).toEqual(['postgres-password']);
  });

  it('configures the nodes so that they start, made as its first lines say', () => {
    const folder = temporaryFolder('compose');
    const commands = [...read('docker-compose.yml').matchAll(/^# {3}(.*)$/gm)].map(([, line]) => line ?? '');
    const end = commands.indexOf('docker compose up --build --wait');
    expect(end).toBeGreaterThan(0);
    execFileSync('sh', ['-ec', commands.slice(0, end).join('\n')], { cwd: folder.path });
    const filledIn = (text: string): string =>
      text.replace(/\$\{(\w+)(?::[-?]([^}]*))?\}/g, (_, _name: string, other?: string) => other ?? '');
    const environment = Object.entries(services['node-1']?.environment ?? {}).flatMap(([name, text]) =>
      text === null ? [] : [[name, filledIn(text).replace('/run/secrets', join(folder.path, 'secrets'))] as const],
    );
    const outcome = loadConfig({ NODE_ENV: 'production', ...Object.fromEntries(environment) });
    const password = readFileSync(join(folder.path, 'secrets/postgres-password'), 'utf8').trim();
    expect(outcome).toMatchObject({
      ok: true,
      config: { database: { url: `postgres://sallyport:${password}@postgres:5432/sallyport` } },
    });
    // Other users of the machine cannot enter the folder; the containers' users can read the files.
    expect(statSync(join(folder.path, 'secrets')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder.path, 'secrets/secret-keys')).mode & 0o777).toBe(0o644);
    folder.remove();
  });
});
