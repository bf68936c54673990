import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type ConfigOutcome, loadConfig } from './load-config.js';

const KEY = 'k3y-0f-th1rty-tw0-bytes-for-this-test-0nly';
const PRODUCTION = { NODE_ENV: 'production', SECRET_KEYS: KEY, PUBLIC_URL: 'https://app.example' };
const folder = mkdtempSync(join(tmpdir(), 'sallyport-config-'));

afterAll(() => rmSync(folder, { recursive: true }));

function faultsOf(env: Record<string, string>): readonly string[] {
  const outcome: ConfigOutcome = loadConfig({ DATA_DIR: folder, ...env });
  return outcome.ok ? [] : outcome.faults;
}

describe('loadConfig', () => {
  test.each([
    ['PORT', 'eighty'],
    ['PORT', '65536'],
    ['HOST', ' '.repeat(3)],
    ['DATABASE_URL', 'mysql://canary@host/db'],
    ['REDIS_URL', 'canary:6379'],
    ['PUBLIC_URL', 'https://app.example/canary'],
    ['SECRET_KEYS', 'canary'],
    ['SECRET_KEYS', 'a'.repeat(40)],
    ['ALLOWED_ORIGINS', '*'],
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
    // An empty value counts as absent.
    if (value.trim() === '') return expect(faults).toEqual([]);
    expect(faults.join('\n')).toContain(name);
    expect(faults.join('\n')).not.toContain('canary');
    return undefined;
  });

  test.each([
    ['no SECRET_KEYS', { ...PRODUCTION, SECRET_KEYS: '' }, 'SECRET_KEYS'],
    ['no PUBLIC_URL', { ...PRODUCTION, PUBLIC_URL: '' }, 'PUBLIC_URL'],
    ['a PUBLIC_URL in the clear', { ...PRODUCTION, PUBLIC_URL: 'http://app.example' }, 'PUBLIC_URL'],
    ['the same key twice', { ...PRODUCTION, SECRET_KEYS: `${KEY},${KEY}` }, 'SECRET_KEYS'],
    [
      'one secret for two purposes',
      { ...PRODUCTION, APP_PROXY_SECRET: KEY, APP_PROXY_SHOPS: 'demo.myshopify.com' },
      'APP_PROXY_SECRET',
    ],
    ['an app proxy without shops', { ...PRODUCTION, APP_PROXY_SECRET: 'shared' }, 'APP_PROXY_SHOPS'],
  ])('ST-1 production refuses to start with %s', (_, env, name) => {
    expect(faultsOf(env).some((fault) => fault.startsWith(name))).toBe(true);
  });

  test('LK-4 refuses to listen beyond this machine where nobody has said what this is', () => {
    expect(faultsOf({ HOST: '0.0.0.0' })).toEqual([expect.stringMatching(/^NODE_ENV: .*GraphiQL/)]);
    expect(faultsOf({ HOST: '0.0.0.0', NODE_ENV: 'development' })).toEqual([]);
    expect(faultsOf({ HOST: '::1' })).toEqual([]);
  });

  test('tells every fault at once', () => {
    const faults = faultsOf({ PORT: 'x', LOG_LEVEL: 'y', REDIS_URL: 'z' });
    expect(new Set(faults.map((fault) => fault.split(':')[0]))).toEqual(new Set(['LOG_LEVEL', 'PORT', 'REDIS_URL']));
  });

  test('accepts production with a key and https, or plain http on loopback', () => {
    expect(faultsOf(PRODUCTION)).toEqual([]);
    expect(faultsOf({ ...PRODUCTION, PUBLIC_URL: 'http://127.0.0.1:3000' })).toEqual([]);
  });

  test('makes a development key once, which nobody else can read, and keeps it', () => {
    const [one, two] = [loadConfig({ DATA_DIR: folder }), loadConfig({ DATA_DIR: folder })];
    if (!one.ok || !two.ok) throw new Error('the configuration was refused');
    expect(two.config.secrets.keys).toEqual(one.config.secrets.keys);
    const file = join(folder, 'secret-key');
    expect(statSync(file).mode & 0o077).toBe(0);
    expect(readFileSync(file, 'utf8').length).toBeGreaterThanOrEqual(43);
  });

  test('freezes what it returns', () => {
    const outcome = loadConfig({ DATA_DIR: folder });
    if (!outcome.ok) throw new Error('the configuration was refused');
    expect(Object.isFrozen(outcome.config)).toBe(true);
    expect(Object.isFrozen(outcome.config.limits)).toBe(true);
  });
});
