import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from './load-config.js';

const KEY = randomBytes(48).toString('base64');
const folder = mkdtempSync(join(tmpdir(), 'sallyport-secrets-'));

afterAll(() => rmSync(folder, { recursive: true }));

describe('a secret in a file', () => {
  const put = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return `@${file}`;
  };

  it('is read from @path, for each key of SECRET_KEYS or with one key per line', () => {
    const [one, two, three] = [0, 1, 2].map(() => randomBytes(32).toString('base64url'));
    const outcome = loadConfig({
      DATA_DIR: folder,
      SECRET_KEYS: `${put('one', `${one}\n`)},${put('rest', `${two}\n${three}\n`)}`,
      DATABASE_URL: put('database', 'postgres://app:hunter2@db.example/app\n'),
      REDIS_URL: put('redis', 'rediss://:hunter2@redis.example'),
      APP_PROXY_SECRET: put('shop', `${KEY}\n`),
      APP_PROXY_SHOPS: 'demo.myshopify.com',
    });
    if (!outcome.ok) throw new Error(outcome.faults.join('\n'));
    expect(outcome.config.secrets.keys).toEqual([one, two, three]);
    expect(outcome.config.database.url).toBe('postgres://app:hunter2@db.example/app');
    expect(outcome.config.store).toMatchObject({ kind: 'redis', url: 'rediss://:hunter2@redis.example' });
    expect(outcome.config.appProxy.secret).toBe(KEY);
  });

  it.each([
    ['is absent', () => `@${join(folder, 'nowhere')}`, /^SECRET_KEYS: .*cannot be read \(ENOENT\)/],
    ['is not named', () => '@', /^SECRET_KEYS: no file is named after @/],
    ['is empty', () => put('empty', '\n'), /^SECRET_KEYS: .*is empty/],
    ['is a folder', () => `@${folder}`, /^SECRET_KEYS: .*cannot be read \(EISDIR\)/],
    ['is no secret at all', () => put('large', 'x'.repeat(70_000)), /^SECRET_KEYS: .*64 KiB/],
  ])('refuses a file that %s, together with every other error', (_, value, message) => {
    const outcome = loadConfig({ DATA_DIR: folder, SECRET_KEYS: value(), PORT: 'x' });
    expect(outcome.ok ? [] : outcome.faults).toEqual([
      expect.stringMatching(/^PORT: /),
      expect.stringMatching(message),
    ]);
  });
});
