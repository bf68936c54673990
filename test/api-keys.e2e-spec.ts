import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiKeyStore } from '../src/identity/api-keys/api-key.store.js';
import { hashApiKey, newApiKey } from '../src/identity/api-keys/api-key.js';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { Database } from '../src/identity/database/database.js';
import { apiKeys } from '../src/identity/database/schema.js';
import { UnavailableError } from '../src/live/errors/sallyport.errors.js';
import { AuditLog } from '../src/live/logging/audit-log.js';
import { PublishRate } from '../src/live/publish/publish-rate.js';
import { startServer, type TestServer } from './kit/server.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const QUIET = { USER_COUNT_INTERVAL_SECONDS: '3600' };
const ADDRESS = '192.0.2.10';
const OUT_OF_SCOPE = {
  event: 'api-key-refused',
  reason: 'out-of-scope',
  name: expect.any(String) as string,
  address: ADDRESS,
};

interface Answer {
  readonly status: number;
  readonly body: { readonly viewer?: string; readonly error?: { readonly code: string; readonly message: string } };
}

let server: TestServer;
let audited: { readonly event: string; readonly reason?: unknown; readonly name?: unknown }[];

beforeAll(async () => {
  server = await startServer({ env: { ...QUIET, TRUSTED_PROXIES: '127.0.0.1', THROTTLE_EXEMPT: '127.0.0.1' } });
  const record = vi.spyOn(server.app.get(AuditLog), 'record');
  record.mockImplementation((event, entry) => {
    if (event === 'api-key-refused') audited.push({ event, ...entry });
  });
});
beforeEach(() => {
  audited = [];
});
afterEach(() => void vi.useRealTimers());
afterAll(() => server.stop());

const create = async (limits = {}, ...scopes: string[]): Promise<string> =>
  (await server.app.get(ApiKeys).create(randomUUID(), scopes.length > 0 ? scopes : ['publish'], limits)) ?? '';

async function post(path: string, key: string, body: unknown, address = ADDRESS): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address, authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

const use = (key: string, address?: string): Promise<Answer> => post('/publish', key, { events: [] }, address);

it('the sources of revoked keys are kept, up to a hundred, and those of keys that are there', async () => {
  const keys = server.app.get(ApiKeys);
  const scopes = (batch: number) => Array.from({ length: 50 }, (_, n) => `tokens:former-${batch}-${n}`);
  await keys.create('of today', ['tokens:today']);
  for (let batch = 0; batch < 3; batch += 1) {
    await keys.create(`batch ${batch}`, scopes(batch));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + batch });
    await keys.revoke(`batch ${batch}`).finally(() => void vi.useRealTimers());
  }
  const sources = await keys.tokenSources();
  expect(sources).toHaveLength(1 + 100);
  expect(sources).toEqual(expect.arrayContaining(['today', 'former-1-0', 'former-2-49']));
});

describe('an API key', () => {
  it('BK-1 stops working when it expires, also on a node that has just verified it', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000);
    const key = await create({ expiresAt });
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.now() });
    expect((await use(key)).status).toBe(200);
    vi.setSystemTime(expiresAt);
    expect((await use(key)).status).toBe(401);
    expect(audited.at(-1)).toMatchObject({ event: 'api-key-refused', reason: 'expired', name: expect.any(String) });
  });

  it.each([
    ['10.0.0.0/8', '10.200.1.1', '11.0.0.1'],
    ['192.0.2.7', '192.0.2.7', '192.0.2.8'],
    ['2001:db8::/32', '2001:db8:1::1', '2001:db9::1'],
    ['127.0.0.0/8', '::ffff:127.0.0.1', '::1'],
  ])('BK-1 for %s works from %s and not from %s', async (range, inside, outside) => {
    const key = await create({ addresses: ['203.0.113.0/24', range] });
    expect((await use(key, inside)).status).toBe(200);
    expect((await use(key, outside)).status).toBe(401);
    expect(audited.at(-1)).toMatchObject({ event: 'api-key-refused', reason: 'other-address' });
  });

  it('BK-1 is refused in the same words whatever is wrong with it, and the audit log has the reason', async () => {
    const wrong = [
      await create({ expiresAt: new Date(Date.now() - 1) }),
      await create({ addresses: ['10.0.0.0/8'] }),
      newApiKey(),
      'nonsense',
    ];
    const answers = await Promise.all(wrong.map((key) => use(key)));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]?.status).toBe(401);
    expect(new Set(audited.map(({ reason }) => reason))).toEqual(
      new Set(['expired', 'malformed', 'other-address', 'unknown-or-revoked']),
    );
    for (const key of wrong.slice(0, 3)) expect(JSON.stringify(audited)).not.toContain(key);
  });

  it('BK-1 used outside its scopes is refused with the missing scope, and audited by name', async () => {
    const key = await create({}, 'presence', 'tokens:acme');
    expect((await use(key)).body.error).toEqual({ code: 'FORBIDDEN', message: 'This key lacks the scope publish.' });
    expect((await post('/tokens', key, { viewer: 'external:other:1' })).status).toBe(403);
    expect(audited).toMatchObject([OUT_OF_SCOPE, OUT_OF_SCOPE]);
  });

  it('BK-1 whose events are outside its scopes is audited once for a request, and other events are published', async () => {
    const key = await create({}, 'publish:notifications');
    const viewer = `user:${randomUUID()}`;
    const notification = { id: '1', kind: 'news', title: 'New', createdAt: new Date().toISOString() };
    const other = { topic: 'user_count', viewer, payload: 1 };
    const forbidden = { error: { code: 'FORBIDDEN' } };
    const events = [{ topic: 'notifications', viewer, payload: notification }, other, other];
    const { body } = await post('/publish', key, { events });
    expect(body).toMatchObject({ results: [{ cursor: expect.any(String) as string }, forbidden, forbidden] });
    expect(audited).toMatchObject([OUT_OF_SCOPE]);
  });

  it('that is refused for its address counts as a wrong key there, also after it was used from its own', async () => {
    const key = await create({ addresses: ['10.0.0.0/8'] });
    expect((await use(key, '10.1.1.1')).status).toBe(200);
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 22; attempt++) statuses.push((await use(key, '198.51.100.9')).status);
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), 429, 429]);
    expect((await use(key, '10.1.1.1')).status).toBe(200);
  });

  it('records its last use, at most once a minute on a node, and works while that fails', async () => {
    const key = await create();
    const keys = server.app.get(ApiKeys);
    const record = vi.spyOn(server.app.get(ApiKeyStore), 'use');
    const startedAtMs = Date.now();
    for (let count = 0; count < 20; count++) expect((await use(key)).status).toBe(200);
    expect(record).toHaveBeenCalledTimes(1);
    await vi.waitFor(async () => {
      const used = (await keys.list()).filter(({ lastUsedAt }) => (lastUsedAt?.getTime() ?? 0) >= startedAtMs);
      expect(used).toHaveLength(1);
    });
    record.mockRejectedValue(new UnavailableError());
    expect((await use(await create())).status).toBe(200);
    record.mockRestore();
  });

  it('that is refused has not been used', async () => {
    const record = vi.spyOn(server.app.get(ApiKeyStore), 'use');
    expect((await use(await create({ addresses: ['10.0.0.0/8'] }))).status).toBe(401);
    expect(record).not.toHaveBeenCalled();
    record.mockRestore();
  });

  it('of 0.1.0 publishes as before, from everywhere and without end', async () => {
    const key = newApiKey();
    await server.app.get(Database).run((orm) =>
      orm.insert(apiKeys).values({
        id: randomUUID(),
        name: 'older',
        secretHash: hashApiKey(key),
        createdAt: new Date(),
      }),
    );
    expect((await use(key)).status).toBe(200);
    expect((await post('/disconnect', key, { viewer: 'external:acme:1' })).status).toBe(403);
  });
});

describe('POST /viewers/find', () => {
  it('returns the viewer of an account by its e-mail, in any spelling', async () => {
    const ada = await server.signedIn('ada');
    const key = await create({}, 'viewers');
    for (const email of [ada.email, ` ${ada.email.toUpperCase()} `])
      expect(await post('/viewers/find', key, { email })).toEqual({ status: 200, body: { viewer: ada.viewerId } });
    expect(await post('/viewers/find', key, { email: 'nobody@example.com' })).toMatchObject({
      status: 404,
      body: { error: { code: 'NOT_FOUND' } },
    });
  });

  it('returns the viewer id for a source and a subject, encoded', async () => {
    const key = await create({}, 'viewers');
    expect(await post('/viewers/find', key, { source: 'acme', subject: 'a:b/c' })).toEqual({
      status: 200,
      body: { viewer: 'external:acme:a%3Ab%2Fc' },
    });
  });

  it.each<[unknown, string]>([
    [{}, 'email'],
    [{ email: 'nonsense' }, 'email'],
    [{ email: 7 }, 'email'],
    [{ email: 'a@example.com', source: 'acme', subject: '1' }, 'email'],
    [{ source: 'acme' }, 'subject'],
    [{ subject: '1' }, 'source'],
    [{ source: 7, subject: '1' }, 'source'],
    [{ source: 'Acme', subject: '1' }, 'source'],
    [{ source: 'acme', subject: '' }, 'subject'],
    [{ source: 'acme', subject: 'a\u0000' }, 'subject'],
    [{ email: 'a@example.com', name: 'a' }, 'body'],
    [['a@example.com'], 'body'],
  ])('refuses %j and names %s', async (body, field) => {
    expect(await post('/viewers/find', await create({}, 'viewers'), body)).toMatchObject({
      status: 400,
      body: { error: { code: 'BAD_USER_INPUT', field } },
    });
  });

  it('refuses a body that is not UTF-8, in which different subjects would become one', async () => {
    const headers = { authorization: `Bearer ${await create({}, 'viewers')}`, 'content-type': 'application/json' };
    const body = Buffer.from('{ "source": "acme", "subject": "Zoë" }', 'latin1');
    const answer = await fetch(`${server.url}/viewers/find`, { method: 'POST', headers, body });
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { error: { code: 'BAD_USER_INPUT', message: 'The body is not UTF-8: send JSON in UTF-8, uncompressed.' } },
    ]);
  });

  it('requires the scope viewers, and a cookie does not replace a key', async () => {
    const key = await create({}, 'publish', 'presence', 'history', 'disconnect');
    expect((await post('/viewers/find', key, { email: 'a@example.com' })).status).toBe(403);
    expect((await post('/viewers/find', '', { email: 'a@example.com' })).status).toBe(401);
  });

  it('limits how many a key can look up', async () => {
    const key = await create({}, 'viewers');
    const find = () => post('/viewers/find', key, { source: 'acme', subject: '1' });
    // A look-up counts as a thousand of a million events: this leaves one, and the first above the limit is served too.
    const { id } = (await server.app.get(ApiKeyStore).find(hashApiKey(key)))!;
    server.app.get(PublishRate).spend({ id }, 999_000);
    expect([(await find()).status, (await find()).status]).toEqual([200, 200]);
    expect(await find()).toMatchObject({ status: 429, body: { error: { code: 'TOO_MANY_REQUESTS' } } });
  });
});

describe('npm run cli -- api-key', () => {
  const folder = temporaryFolder('api-key-cli');
  afterAll(() => folder.remove());

  async function cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const env = { PATH: process.env['PATH'] ?? '', DATA_DIR: folder.path, NODE_ENV: 'test' };
    const options = { cwd: ROOT, env };
    return promisify(execFile)(
      process.execPath,
      ['dist/server/cli/main.js', '--json', 'api-key', ...args],
      options,
    ).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
    );
  }

  it('creates a key with an expiry and addresses, and lists both', async () => {
    const args = ['--allow', 'presence,viewers', '--expires', '90d', '--address', '10.0.0.0/8', '--address', '::1'];
    const created = await cli('create', 'shop', ...args);
    expect(JSON.parse(created.stdout)).toEqual({ name: 'shop', key: expect.any(String) });
    await cli('create', 'plain', '--expires', '2099-01-31T12:00:00+01:00').then(({ code }) => expect(code).toBe(1));
    await cli('create', 'plain');
    const listed = JSON.parse((await cli('list')).stdout) as Record<string, unknown>[];
    expect(listed).toMatchObject([
      { name: 'plain', expiresAt: null, addresses: null, lastUsedAt: null, scopes: ['publish'] },
      { name: 'shop', addresses: ['10.0.0.0/8', '::1'], scopes: ['presence', 'viewers'] },
    ]);
    const daysLeft = (Date.parse(String(listed[1]?.['expiresAt'])) - Date.now()) / 86_400_000;
    expect(daysLeft).toBeGreaterThan(89.9);
    expect(daysLeft).toBeLessThanOrEqual(90);
  });

  it.each([
    ['--expires', '90'],
    ['--expires', '0d'],
    ['--expires', '-1d'],
    ['--expires', '99999999d'],
    ['--expires', '2001-01-01T00:00:00Z'],
    ['--expires', '2027-01-31'],
    ['--expires', 'never'],
    ['--address', 'example.com'],
    ['--address', '10.0.0.0/33'],
    ['--address', '10.0.0.1,10.0.0.2'],
  ])('refuses %s %s in plain words', async (option, value) => {
    const { code, stderr } = await cli('create', 'bad', `${option}=${value}`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/Give (?:a time|an address)/);
  });
});
