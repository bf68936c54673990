import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ConfigOutcome, environmentOf, loadConfig } from './load-config.js';

const KEY = randomBytes(48).toString('base64');
const HOOKS = 'https://backend.example/hooks';
const WEBHOOK_SECRET = `whsec_${randomBytes(32).toString('base64')}`;
const PRODUCTION = { NODE_ENV: 'production', SECRET_KEYS: KEY, PUBLIC_URL: 'https://app.example' };
const folder = mkdtempSync(join(tmpdir(), 'sallyport-config-'));

afterAll(() => rmSync(folder, { recursive: true }));

function faultsOf(env: Record<string, string>): readonly string[] {
  const outcome: ConfigOutcome = loadConfig({ DATA_DIR: folder, ...env });
  return outcome.ok ? [] : outcome.faults;
}

describe('loadConfig', () => {
  it('reads values without the spaces and line ends around them', () => {
    const env = { PORT: ' 4000\r', HOST: '127.0.0.1\r\n', APP_PROXY_SECRET: `${KEY.slice(0, 40)} ` };
    const outcome = loadConfig({ DATA_DIR: folder, ...env, APP_PROXY_SHOPS: 'demo.myshopify.com' });
    expect(outcome).toMatchObject({
      ok: true,
      config: { http: { port: 4000, host: '127.0.0.1' }, appProxy: { secret: KEY.slice(0, 40) } },
    });
  });

  it.each([
    ['PORT', 'eighty'],
    ['PORT', '65536'],
    ['WORKERS', '0'],
    ['WORKERS', 'canary'],
    ['WORKERS', '-1'],
    ['WORKERS', '1.5'],
    ['WORKERS', '129'],
    ['DATABASE_URL', 'mysql://canary@host/db'],
    ['DATABASE_URL', 'postgres://'],
    ['DATABASE_URL', 'postgresql:///'],
    ['REDIS_URL', 'canary:6379'],
    ['PUBLIC_URL', 'https://app.example/canary'],
    ['SECRET_KEYS', 'canary'],
    ['SECRET_KEYS', 'a'.repeat(40)],
    ['ALLOWED_ORIGINS', '*'],
    ['ALLOWED_ORIGINS', 'https://*.canary.example'],
    ['PUBLIC_URL', 'https://*.canary.example'],
    ['ALLOWED_ORIGINS', 'https://app.example/path'],
    ['TRUSTED_PROXIES', 'true'],
    ['TRUSTED_PROXIES', '10.0.0.0/99'],
    ['SESSION_IDLE_SECONDS', '-1'],
    ['TOKEN_TTL_SECONDS', '86400'],
    ['TOKEN_SINGLE_USE', 'canary'],
    ['APP_PROXY_BIND', 'canary'],
    ['APP_PROXY_SHOPS', 'Not A Domain'],
    ['LOG_LEVEL', 'canary'],
    ['MAX_CONNECTIONS', '0'],
  ])('ST-1 refuses %s=%j by name and without its value', (name, value) => {
    const faults = faultsOf({ [name]: value });
    expect(faults.join('\n')).toContain(name);
    expect(faults.join('\n')).not.toContain('canary');
  });

  it('ST-1 takes a value of blanks as absent', () => {
    expect(faultsOf({ HOST: ' '.repeat(3) })).toEqual([]);
  });

  it.each([
    ['no SECRET_KEYS', { ...PRODUCTION, SECRET_KEYS: '' }, 'SECRET_KEYS'],
    ['no PUBLIC_URL', { ...PRODUCTION, PUBLIC_URL: '' }, 'PUBLIC_URL'],
    ['a PUBLIC_URL in the clear', { ...PRODUCTION, PUBLIC_URL: 'http://app.example' }, 'PUBLIC_URL'],
    ['the same key twice', { ...PRODUCTION, SECRET_KEYS: `${KEY},${KEY}` }, 'SECRET_KEYS'],
    [
      'one secret for two purposes',
      { ...PRODUCTION, APP_PROXY_SECRET: KEY, APP_PROXY_SHOPS: 'demo.myshopify.com' },
      'APP_PROXY_SECRET',
    ],
    [
      'an app proxy without shops',
      { ...PRODUCTION, APP_PROXY_SECRET: randomBytes(32).toString('hex') },
      'APP_PROXY_SHOPS',
    ],
  ])('ST-1 production refuses to start with %s', (_, env, name) => {
    expect(faultsOf(env).some((fault) => fault.startsWith(name))).toBe(true);
  });

  it.each([
    ['a URL without a key', { WEBHOOK_URL: HOOKS }, 'WEBHOOK_SECRET'],
    ['a key without a URL', { WEBHOOK_SECRET }, 'WEBHOOK_URL'],
    ['a password in the URL', { WEBHOOK_URL: 'https://a:canary@b.example/', WEBHOOK_SECRET }, 'WEBHOOK_URL'],
    ['another scheme', { WEBHOOK_URL: 'ftp://b.example/', WEBHOOK_SECRET }, 'WEBHOOK_URL'],
    [
      'a short key',
      { WEBHOOK_URL: HOOKS, WEBHOOK_SECRET: `whsec_${randomBytes(16).toString('base64')}` },
      'WEBHOOK_SECRET',
    ],
    [
      'a key without its prefix',
      { WEBHOOK_URL: HOOKS, WEBHOOK_SECRET: randomBytes(32).toString('base64') },
      'WEBHOOK_SECRET',
    ],
    ['text that is not base64', { WEBHOOK_URL: HOOKS, WEBHOOK_SECRET: `whsec_${'!'.repeat(44)}` }, 'WEBHOOK_SECRET'],
    ['http in production', { ...PRODUCTION, WEBHOOK_URL: 'http://b.example/', WEBHOOK_SECRET }, 'WEBHOOK_URL'],
  ])('refuses webhooks with %s', (_, env: Record<string, string>, name) => {
    const faults = faultsOf(env);
    expect(faults).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
    expect(faults.join()).not.toMatch(/canary|whsec_[A-Za-z0-9+/]{10}/);
  });

  it('accepts webhooks with several keys, and http to loopback', () => {
    const both = `${WEBHOOK_SECRET},whsec_${randomBytes(32).toString('base64')}`;
    expect(faultsOf({ ...PRODUCTION, WEBHOOK_URL: HOOKS, WEBHOOK_SECRET: both })).toEqual([]);
    expect(faultsOf({ ...PRODUCTION, WEBHOOK_URL: 'http://127.0.0.1:8080/', WEBHOOK_SECRET })).toEqual([]);
  });

  it('LK-4 refuses a HOST that is not loopback without NODE_ENV', () => {
    expect(faultsOf({ HOST: '0.0.0.0' })).toEqual([expect.stringMatching(/^NODE_ENV: .*GraphiQL/)]);
    expect(faultsOf({ HOST: '0.0.0.0', NODE_ENV: 'development' })).toEqual([]);
    expect(faultsOf({ HOST: '::1' })).toEqual([]);
  });

  it('reports every error at once', () => {
    const faults = faultsOf({ PORT: 'x', LOG_LEVEL: 'y', REDIS_URL: 'z' });
    expect(new Set(faults.map((fault) => fault.split(':')[0]))).toEqual(new Set(['LOG_LEVEL', 'PORT', 'REDIS_URL']));
  });

  it('accepts production with a key and https, or plain http on loopback', () => {
    expect(faultsOf(PRODUCTION)).toEqual([]);
    expect(faultsOf({ ...PRODUCTION, PUBLIC_URL: 'http://127.0.0.1:3000' })).toEqual([]);
  });

  it('creates a development key once, readable by its owner only, and keeps it', () => {
    const [one, two] = [loadConfig({ DATA_DIR: folder }), loadConfig({ DATA_DIR: folder })];
    if (!one.ok || !two.ok) throw new Error('the configuration was refused');
    expect(two.config.secrets.keys).toEqual(one.config.secrets.keys);
    const file = join(folder, 'secret-key');
    expect(statSync(file).mode & 0o077).toBe(0);
    expect(readFileSync(file, 'utf8').length).toBeGreaterThanOrEqual(43);
  });

  it('freezes what it returns', () => {
    const outcome = loadConfig({ DATA_DIR: folder });
    if (!outcome.ok) throw new Error('the configuration was refused');
    expect(Object.isFrozen(outcome.config)).toBe(true);
    expect(Object.isFrozen(outcome.config.limits)).toBe(true);
  });
});

describe('a configuration error', () => {
  it('does not hide other errors', () => {
    const faults = faultsOf({ NODE_ENV: 'production', PUBLIC_URL: 'http://example.com', SECRET_KEYS: 'abc' });
    expect(namesOf(faults)).toEqual(['PUBLIC_URL', 'SECRET_KEYS']);
  });

  it.each([
    { PORT: 'eighty', MAX_CONNECTIONS: '1.5', USER_COUNT_INTERVAL_SECONDS: 'NaN', SESSION_IDLE_SECONDS: '1e999' },
    { NODE_ENV: 'prod', GRAPHIQL: 'maybe', LOG_LEVEL: 'loud', APP_PROXY_BIND: 'all', TOKEN_SINGLE_USE: 'yes' },
    {
      PUBLIC_URL: 'app',
      DATABASE_URL: 'x',
      REDIS_URL: 'x',
      SECRET_KEYS: 'x',
      ALLOWED_ORIGINS: '*',
      TRUSTED_PROXIES: 'x',
    },
  ])('is described in plain words: %j', (env: Record<string, string>) => {
    const faults = faultsOf(env);
    expect(namesOf(faults)).toEqual(Object.keys(env).sort());
    for (const fault of faults) {
      expect(fault).toMatch(/^[A-Z_]+: expected [^.]+.*\.$/);
      expect(fault).not.toMatch(/NaN|Invalid|received|Too (?:small|big)|undefined/);
    }
  });

  it('is reported for a DATA_DIR that cannot be created, without the raw system message', () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const faults = faultsOf({ DATA_DIR: file });
    expect(faults).toEqual([expect.stringMatching(/^DATA_DIR: .* cannot be used \(EEXIST\).*\.$/)]);
  });

  it('is not reported for a default: an absolute lifetime below the default idle time caps it', () => {
    const outcome = loadConfig({ DATA_DIR: folder, SESSION_ABSOLUTE_SECONDS: '86400' });
    expect(outcome.ok && outcome.config.session).toEqual({ idleSeconds: 86_400, absoluteSeconds: 86_400 });
    expect(namesOf(faultsOf({ SESSION_ABSOLUTE_SECONDS: '60', SESSION_IDLE_SECONDS: '61' }))).toEqual([
      'SESSION_IDLE_SECONDS',
    ]);
  });
});

describe('the store', () => {
  const [postgres, redis] = ['postgres://app@db.example/app', 'redis://redis.example'];

  it.each([
    ['memory without a URL', {}, { kind: 'memory' }],
    ['PostgreSQL with DATABASE_URL', { DATABASE_URL: postgres }, { kind: 'postgres', url: postgres }],
    ['Redis with REDIS_URL', { REDIS_URL: redis }, { kind: 'redis', url: redis }],
    [
      'Redis with both',
      { DATABASE_URL: postgres, REDIS_URL: redis },
      {
        kind: 'redis',
        url: redis,
        settings: { url: 'REDIS_URL', instead: 'set STORE=postgres to use PostgreSQL as the store' },
      },
    ],
    [
      'what STORE says',
      { DATABASE_URL: postgres, REDIS_URL: redis, STORE: 'postgres' },
      { kind: 'postgres', url: postgres },
    ],
    ['memory if STORE says so', { DATABASE_URL: postgres, STORE: 'memory' }, { kind: 'memory' }],
  ])('is %s', (_, given, store) => {
    const outcome = loadConfig({ DATA_DIR: folder, SECRET_KEYS: KEY, ...given });
    if (!outcome.ok) throw new Error(outcome.faults.join('\n'));
    expect(outcome.config.store).toEqual(store);
  });

  it.each([
    ['postgres', 'DATABASE_URL'],
    ['redis', 'REDIS_URL'],
  ])('%s needs %s', (STORE, name) => {
    expect(faultsOf({ STORE })).toEqual([expect.stringContaining(`STORE: expected ${name}`)]);
  });
});

describe('WORKERS', () => {
  const shared = { DATABASE_URL: 'postgres://user:unguessable@127.0.0.1/db' };
  const workersOf = (env: Record<string, string>) => {
    const outcome = loadConfig({ DATA_DIR: folder, ...env });
    return outcome.ok ? outcome.config.workers : outcome.faults;
  };

  it('is 1 unless it is set, a number, or one for each core', () => {
    expect(workersOf({})).toBe(1);
    expect(workersOf({ ...shared, WORKERS: '128' })).toBe(128);
    expect(workersOf({ ...shared, WORKERS: 'auto' })).toBeGreaterThanOrEqual(1);
  });

  it('says which numbers it takes', () => {
    expect(faultsOf({ WORKERS: 'abc' })).toEqual(['WORKERS: expected auto, or a whole number from 1 to 128.']);
  });

  it.each([
    ['the embedded database', {}, /DATABASE_URL/],
    ['Redis and the embedded database', { REDIS_URL: 'redis://127.0.0.1:9' }, /DATABASE_URL/],
    ['a store in memory', { ...shared, STORE: 'memory' }, /STORE/],
  ])('above 1 is refused with %s, which workers cannot share, and says what to do', (_, env, cure) => {
    expect(faultsOf({ ...env, WORKERS: '2' })).toEqual([expect.stringMatching(/^WORKERS: expected 1 with/)]);
    expect(faultsOf({ ...env, WORKERS: '2' })[0]).toMatch(cure);
    expect(faultsOf({ ...env, WORKERS: '1' })).toEqual([]);
  });

  it('gives workers the same configuration, also when a file has changed since', () => {
    const file = join(folder, 'rotated');
    writeFileSync(file, KEY);
    const env = { DATA_DIR: folder, SECRET_KEYS: `@${file}`, TOKEN_TTL_SECONDS: '90', PATH: '/bin' };
    const first = loadConfig(env);
    if (!first.ok) throw new Error(first.faults.join());
    const handed = environmentOf(first.config, env);
    writeFileSync(file, randomBytes(48).toString('base64'));
    expect(loadConfig(handed)).toEqual(first);
    expect(handed).not.toHaveProperty('PATH');
  });
});

describe('production', () => {
  let drawn = 0;
  /** As random bytes are, but the same in each run: one key in a hundred thousand looks like words by chance. */
  const random = (encoding: BufferEncoding, bytes: number) =>
    createHash('shake256', { outputLength: bytes }).update(`key ${drawn++}`).digest().toString(encoding);

  it.each([
    ['words', 'correct horse battery staple and some more words', 'SECRET_KEYS'],
    ['words with figures for letters', 'k3y-0f-th1rty-tw0-bytes-for-this-test-0nly', 'SECRET_KEYS'],
    ['a phrase', 'ThisIsTheSecretKeyOfOurProductionServer2024!', 'SECRET_KEYS'],
    ['a sequence', 'abcdefghijklmnopqrstuvwxyz0123456789', 'SECRET_KEYS'],
    ['rows of the keyboard', 'qwertyuiopasdfghjklzxcvbnm1234567890', 'SECRET_KEYS'],
    ['something said twice', 'q8Zr1Lw0Xp'.repeat(5), 'SECRET_KEYS'],
    ['a placeholder', 'change-me-change-me-change-me-change-me', 'SECRET_KEYS'],
  ])('refuses SECRET_KEYS of %s, which development accepts', (_, SECRET_KEYS, name) => {
    expect(namesOf(faultsOf({ ...PRODUCTION, SECRET_KEYS }))).toEqual([name]);
    expect(faultsOf({ ...PRODUCTION, SECRET_KEYS: `${KEY},${SECRET_KEYS}` })).toHaveLength(1);
    expect(faultsOf({ SECRET_KEYS })).toEqual([]);
  });

  it('accepts random keys in any encoding', () => {
    for (let round = 0; round < 200; round += 1) {
      const keys = [random('hex', 16), random('hex', 32), random('base64', 32), random('base64url', 24)];
      expect(faultsOf({ ...PRODUCTION, SECRET_KEYS: keys.join(',') })).toEqual([]);
    }
  });

  it.each([
    ['APP_PROXY_SECRET', { APP_PROXY_SECRET: 'hush', APP_PROXY_SHOPS: 'demo.myshopify.com' }],
    ['APP_PROXY_SECRET', { APP_PROXY_SECRET: 'a'.repeat(40), APP_PROXY_SHOPS: 'demo.myshopify.com' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: '10.0.0.1,0.0.0.0/0' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: '::/0' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: '128.0.0.0/1,0.0.0.0/1' }],
    ['TRUSTED_PROXIES', { TRUSTED_PROXIES: '::ffff:0:0/96' }],
    ['THROTTLE_EXEMPT', { THROTTLE_EXEMPT: '0.0.0.0/0' }],
    ['THROTTLE_EXEMPT', { THROTTLE_EXEMPT: '2000::/3' }],
    ['ALLOWED_ORIGINS', { ALLOWED_ORIGINS: 'https://a.example,http://b.example' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://sallyport:sallyport@db.example/sallyport' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://app:postgres@db.example/app' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://app:p%61ssword@db.example/app' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://db.example/app?user=app&password=postgres' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://other:c0ffee@db.example/app?user=ledger&password=ledger' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://ledger@db.example/app?password=c0ffee&password=Ledger' }],
    [
      'DATABASE_LISTEN_URL',
      { DATABASE_URL: 'postgres://db.example/app', DATABASE_LISTEN_URL: 'postgres://app:postgres@db.example/app' },
    ],
  ])('refuses a weak %s: %j', (name, env: Record<string, string>) => {
    const faults = faultsOf({ ...PRODUCTION, ...env });
    expect(faults).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
    for (const value of Object.values(env)) expect(faults.join()).not.toContain(value);
    expect(faultsOf(env)).toEqual([]);
  });

  it('accepts strong settings, including private networks', () => {
    const faults = faultsOf({
      ...PRODUCTION,
      APP_PROXY_SECRET: `shpss_${random('hex', 16)}`,
      APP_PROXY_SHOPS: 'demo.myshopify.com',
      TRUSTED_PROXIES: '10.0.0.0/8,fc00::/7,172.31.250.0/24,::1',
      THROTTLE_EXEMPT: '192.0.2.0/24',
      ALLOWED_ORIGINS: 'https://a.example,http://localhost:5173',
      DATABASE_URL: `postgres://sallyport:${random('hex', 24)}@db.example/sallyport`,
      DATABASE_LISTEN_URL: `postgres://postgres:postgres@db.example/sallyport?password=${random('hex', 24)}`,
    });
    expect(faults).toEqual([]);
  });

  it('reports every weakness at once', () => {
    const faults = faultsOf({
      NODE_ENV: 'production',
      PUBLIC_URL: 'http://app.example',
      SECRET_KEYS: 'change-me-change-me-change-me-change-me',
      TRUSTED_PROXIES: '0.0.0.0/0',
      ALLOWED_ORIGINS: 'http://b.example',
      DATABASE_URL: 'postgres://postgres:postgres@db/app',
      PORT: 'x',
    });
    expect(namesOf(faults)).toEqual([
      'ALLOWED_ORIGINS',
      'DATABASE_URL',
      'PORT',
      'PUBLIC_URL',
      'SECRET_KEYS',
      'TRUSTED_PROXIES',
    ]);
  });
});

describe('the schema and GraphiQL', () => {
  const shown = (env: Record<string, string>): unknown => {
    const outcome = loadConfig({ DATA_DIR: folder, ...env });
    return outcome.ok
      ? { graphiql: outcome.config.http.graphiql, schema: outcome.config.http.introspection }
      : outcome.faults;
  };

  it('are available in development, but at a public https address only if NODE_ENV is set', () => {
    expect(shown({})).toEqual({ graphiql: true, schema: true });
    expect(shown({ PUBLIC_URL: 'https://app.example' })).toEqual({ graphiql: false, schema: false });
    expect(shown({ PUBLIC_URL: 'https://app.example', NODE_ENV: 'development' })).toEqual({
      graphiql: true,
      schema: true,
    });
    expect(shown(PRODUCTION)).toEqual({ graphiql: false, schema: false });
  });

  it('LK-4 refuses GRAPHIQL at a public https address if NODE_ENV is not set', () => {
    expect(shown({ PUBLIC_URL: 'https://app.example', GRAPHIQL: 'true' })).toEqual([
      expect.stringMatching(/^NODE_ENV: .*GRAPHIQL/),
    ]);
  });
});

function namesOf(faults: readonly string[]): string[] {
  return faults.map((fault) => fault.split(':')[0] ?? '').sort();
}
