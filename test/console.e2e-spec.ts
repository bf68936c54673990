import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { Database } from '../src/identity/database/database.js';
import { apiKeys } from '../src/identity/database/schema.js';
import { AuditLog } from '../src/live/logging/audit-log.js';
import { openSocket } from '../src/testing/live-socket.js';
import { Browser } from './kit/browser.js';
import { type ConsoleResponse, callConsole, signedIn } from './kit/console-client.js';
import { EVERY_SCOPE, makeKey } from './kit/console-fixture.js';
import { needs } from './kit/needs.js';
import { startServerProcess } from './kit/server-process.js';
import { startServer, type TestServer } from './kit/server.js';
import { fillWithEmbedded } from './kit/storage.js';
import { temporaryFolder } from './kit/temporary-folder.js';
import { SHARED_STORES, startTwoNodes, type TwoNodes } from './kit/two-nodes.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const QUIET = { USER_COUNT_INTERVAL_SECONDS: '3600' };
const WAIT = { timeout: 30_000, interval: 200 };

describe('the console', () => {
  let server: TestServer;
  let audited: Record<string, unknown>[] = [];

  beforeAll(async () => {
    server = await startServer({
      env: { ...QUIET, TRUSTED_PROXIES: '127.0.0.1', ALLOWED_ORIGINS: 'https://ours.example' },
    });
    server.app.get(AuditLog).listen((record) => audited.push({ ...record }));
  });
  afterAll(() => server.stop());

  it('does not exist until a key opens it, and no other page or key does', async () => {
    const page = () => fetch(`${server.url}/console`);
    expect((await page()).status).toBe(404);
    const ada = await server.signedIn();
    expect((await callConsole(ada.browser, '/session')).status).toBe(401);
    const other = await makeKey(server, ['publish', 'disconnect', 'history', 'viewers', 'presence', 'keys']);
    expect((await page()).status).toBe(404);
    expect(await callConsole(server.browser(), '/sign-in', { key: other.key })).toMatchObject({
      status: 403,
      body: { error: { code: 'FORBIDDEN', message: 'This key lacks the scope console.' } },
    });
    const { name } = await makeKey(server, ['console']);
    await vi.waitFor(async () => expect((await page()).status).toBe(200), WAIT);
    expect((await page()).headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    );
    await server.app.get(ApiKeys).revoke(name);
    await vi.waitFor(async () => expect((await page()).status).toBe(404), WAIT);
  });

  it('exchanges a key for a cookie of its own, in which the key is not', async () => {
    audited = [];
    const { browser, name, key, answer } = await signedIn(server);
    expect(answer.body).toEqual({ name, scopes: EVERY_SCOPE, endsAt: expect.any(String) });
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^sallyport-console=[\w-]{43}; Path=\/console; HttpOnly; SameSite=Strict; Max-Age=28800$/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(JSON.stringify([answer.text, cookie, audited])).not.toContain(key);
    const opened = { event: 'console-opened', operator: name, by: 'operator', address: '127.0.0.1' };
    expect(audited.at(-1)).toMatchObject(opened);
    expect((await callConsole(browser, '/session')).body).toEqual(answer.body);
    const spare = server.browser();
    for (const [one, value] of browser.cookies) spare.cookies.set(one, value);
    expect((await callConsole(browser, '/sign-out', {})).headers.getSetCookie()[0]).toMatch(
      /^sallyport-console=; .*Max-Age=0/,
    );
    expect((await callConsole(spare, '/session')).status).toBe(401);
    expect(audited.at(-1)).toMatchObject({ event: 'console-closed', operator: name });
  });

  it('SE-3 a sign-in ends the session that its browser presented, whichever key opened it', async () => {
    const { browser, name } = await signedIn(server);
    const first = server.browser();
    for (const [one, value] of browser.cookies) first.cookies.set(one, value);
    const other = await makeKey(server);
    audited = [];
    expect((await callConsole(browser, '/sign-in', { key: other.key })).body['name']).toBe(other.name);
    expect((await callConsole(first, '/session')).status).toBe(401);
    expect((await callConsole(browser, '/session')).status).toBe(200);
    const closed = { event: 'console-closed', operator: name, reason: 'new-sign-in', by: 'operator' };
    expect(audited).toContainEqual(expect.objectContaining(closed));
  });

  it('over https its cookie is Secure, and plain requests are refused', async () => {
    const secure = await startServer({
      env: { ...QUIET, PUBLIC_URL: 'https://live.example', TRUSTED_PROXIES: '127.0.0.1' },
    });
    const { key } = await makeKey(secure);
    const browser = secure.browser({ origin: 'https://live.example' });
    const answer = await callConsole(browser, '/sign-in', { key }, { 'x-forwarded-proto': 'https' });
    expect(answer.headers.getSetCookie()[0]).toMatch(
      /^__Secure-sallyport-console=.*; SameSite=Strict; Secure; Max-Age/,
    );
    expect((await callConsole(browser, '/session', undefined, { 'x-forwarded-proto': 'http' })).status).toBe(403);
    await secure.stop();
  });

  it('refuses every wrong key in the same words, and an address that tries too many', async () => {
    const expired = await server.app.get(ApiKeys).create('expired', ['console'], { expiresAt: new Date(1) });
    const elsewhere = await server.app.get(ApiKeys).create('elsewhere', ['console'], { addresses: ['192.0.2.1'] });
    const browser = server.browser({ address: '198.51.100.7' });
    const wrong = ['', 'x', 'x'.repeat(5_000), expired, elsewhere];
    const answers: ConsoleResponse[] = [];
    for (const key of wrong) answers.push(await callConsole(browser, '/sign-in', { key }));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(401);
    const more = await Promise.all(Array.from({ length: 20 }, () => callConsole(browser, '/sign-in', { key: 'x' })));
    expect(more.filter(({ status }) => status === 401)).toHaveLength(5);
    const { key } = await makeKey(server);
    expect((await callConsole(browser, '/sign-in', { key })).status).toBe(429);
    expect((await callConsole(server.browser({ address: '198.51.100.8' }), '/sign-in', { key })).status).toBe(200);
    const reasons = audited.filter(({ event }) => event === 'console-refused').map(({ reason }) => reason);
    expect(reasons).toEqual(
      expect.arrayContaining(['missing', 'malformed', 'expired', 'other-address', 'limit-of-address']),
    );
  });

  it.each([[{}], [{ key: 7 }], [{ key: 'x', more: 1 }], [[]], [null]])('refuses to sign in with %j', async (body) => {
    const address = '198.51.100.9';
    expect((await callConsole(server.browser({ address }), '/sign-in', body)).status).toBe(400);
  });

  it('answers no other page: not of an allowed origin, not a form, not a POST from nowhere', async () => {
    const { browser, key } = await signedIn(server);
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
    for (const origin of ['https://ours.example', 'https://evil.example', 'null', `${server.url}.evil.example`]) {
      expect((await callConsole(browser, '/session', undefined, { origin })).status).toBe(403);
      expect((await callConsole(browser, '/sign-in', { key }, { origin })).status).toBe(403);
      expect((await callConsole(browser, '/sign-out', {}, { origin })).status).toBe(403);
    }
    for (const site of ['cross-site', 'same-site', 'none'])
      expect((await callConsole(browser, '/sign-out', {}, { 'sec-fetch-site': site })).status).toBe(403);
    const url = `${server.url}/console/api/sign-out`;
    const json = { cookie, 'content-type': 'application/json' };
    expect((await fetch(url, { method: 'POST', headers: json, body: '{}' })).status).toBe(403);
    const form = { cookie, 'content-type': 'text/plain', origin: server.url };
    expect((await fetch(url, { method: 'POST', headers: form, body: '{}' })).status).toBe(415);
    expect((await callConsole(browser, '/session')).status).toBe(200);
    expect(audited).toContainEqual(
      expect.objectContaining({ event: 'console-refused', reason: 'other-origin', origin: 'https://evil.example' }),
    );
  });

  it('its cookie is of no use to the app, and the app’s is of none to it', async () => {
    const { browser } = await signedIn(server);
    const secret = browser.cookies.get('sallyport-console') ?? '';
    const intruder = server.browser();
    intruder.cookies.set('sallyport-console', secret).set('sallyport', secret);
    expect(await intruder.query('{ me { token } }')).toEqual({ me: null });
    const ada = await server.signedIn();
    const mine = ada.browser.cookies.get('sallyport') ?? '';
    const other = server.browser();
    other.cookies.set('sallyport', mine).set('sallyport-console', mine);
    expect((await callConsole(other, '/session')).status).toBe(401);
    const doubled = await server.browser().fetch('/console/api/session', {
      headers: { cookie: `sallyport-console=${secret}; sallyport-console=${mine}` },
    });
    expect(doubled.status).toBe(401);
  });

  it('answers nothing without a session, whatever is asked', async () => {
    const stranger = server.browser();
    for (const path of ['/session', '/nodes', '/feeds', '/keys', '/audit'])
      expect([path, (await callConsole(stranger, path)).status]).toEqual([path, 401]);
    const posts = ['/sign-out', '/viewer', '/viewer/events', '/viewer/disconnect', '/viewer/revoke-session'];
    for (const path of [...posts, '/publish', '/keys', '/keys/revoke'])
      expect([path, (await callConsole(stranger, path, {})).status]).toEqual([path, 401]);
    expect((await stranger.fetch('/console/api/session', { method: 'DELETE' })).status).toBe(405);
    expect((await stranger.fetch('/%63onsole/api/nodes')).status).toBe(401);
  });

  it('a key of the console is no bearer token of the HTTP API', async () => {
    const { key } = await makeKey(server, ['console']);
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    for (const path of ['/publish', '/disconnect', '/viewers/find', '/tokens'])
      expect((await fetch(server.url + path, { method: 'POST', headers, body: '{}' })).status).toBe(403);
  });

  it('a key has ten sessions at most, and the newest stay', async () => {
    const { key } = await makeKey(server);
    const browsers = Array.from({ length: 11 }, () => server.browser());
    for (const browser of browsers) expect((await callConsole(browser, '/sign-in', { key })).status).toBe(200);
    const open = await Promise.all(browsers.map(async (browser) => (await callConsole(browser, '/session')).status));
    expect(open).toEqual([401, ...Array<number>(10).fill(200)]);
  });

  it('LK-5 a session is refused with its key, and the audit log says which, from where and why', async () => {
    const limits = { expiresAt: new Date(Date.now() + 60_000), addresses: ['10.0.0.0/8'] };
    const key = await server.app.get(ApiKeys).create('office', ['console'], limits);
    const [office, elsewhere] = ['10.1.2.3', '198.51.100.20'].map((address) => server.browser({ address }));
    expect((await callConsole(office!, '/sign-in', { key })).status).toBe(200);
    for (const [one, value] of office!.cookies) elsewhere!.cookies.set(one, value);
    audited = [];
    expect((await callConsole(elsewhere!, '/session')).status).toBe(401);
    vi.useFakeTimers({ toFake: ['Date'], now: limits.expiresAt });
    try {
      expect((await callConsole(office!, '/session')).status).toBe(401);
    } finally {
      vi.useRealTimers();
    }
    await server.app.get(Database).run((orm) =>
      orm
        .update(apiKeys)
        .set({ scopes: ['publish'] })
        .where(eq(apiKeys.name, 'office')),
    );
    expect((await callConsole(office!, '/session')).status).toBe(401);
    const refused = { event: 'console-refused', name: 'office', by: 'stranger' };
    expect(audited).toMatchObject([
      { ...refused, address: '198.51.100.20', reason: 'other-address' },
      { ...refused, address: '10.1.2.3', reason: 'expired' },
      { ...refused, address: '10.1.2.3', reason: 'out-of-scope' },
    ]);
  });

  it('ends after 30 minutes without use and after eight hours in use', async () => {
    const { browser } = await signedIn(server);
    const status = async (headers: Record<string, string> = {}): Promise<number> =>
      (await callConsole(browser, '/session', undefined, headers)).status;
    const start = Date.now();
    const minutes = (count: number) => vi.setSystemTime(start + count * 60_000);
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      for (let minute = 20; minute < 480; minute += 20) {
        minutes(minute);
        expect([minute, await status()]).toEqual([minute, 200]);
      }
      minutes(479);
      expect(await status()).toBe(200);
      minutes(480);
      expect(await status()).toBe(401);
      vi.setSystemTime(start);
      expect(await status()).toBe(200);
    } finally {
      vi.useRealTimers();
    }
    const second = await signedIn(server);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 20 * 60_000 });
    const byItself = { 'sallyport-background': 'true' };
    expect((await callConsole(second.browser, '/nodes', undefined, byItself)).status).toBe(200);
    vi.setSystemTime(Date.now() + 11 * 60_000);
    expect((await callConsole(second.browser, '/session')).status).toBe(401);
    vi.useRealTimers();
  });
});

describe('a server whose log says everything', () => {
  it('LK-1 writes neither the key, nor the cookie, nor what was looked up, and takes a key of the CLI at once', async () => {
    const folder = temporaryFolder('console-log');
    await fillWithEmbedded(folder.path);
    const server = await startServerProcess({ ...QUIET, LOG_LEVEL: 'trace', DATA_DIR: folder.path });
    const args = ['dist/server/cli/main.js', '--json', 'api-key', 'create', 'ops', '--allow', EVERY_SCOPE.join()];
    const env = { PATH: process.env['PATH'] ?? '', DATA_DIR: folder.path };
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
    const { key } = JSON.parse(stdout) as { key: string };
    const browser = new Browser(server.url);
    const wrong = `${key.slice(0, -1)}!`;
    expect((await callConsole(browser, '/sign-in', { key: wrong })).status).toBe(401);
    expect((await callConsole(browser, '/sign-in', { key })).status).toBe(200);
    expect((await callConsole(browser, '/viewer', { query: 'canary-of-a-mail@example.com' })).status).toBe(404);
    const made = await callConsole(browser, '/keys', { name: 'shop', scopes: ['publish'] });
    const secret = browser.cookies.get('sallyport-console') ?? 'none';
    await vi.waitFor(() => expect(server.output()).toContain('api-key-created'), WAIT);
    await server.end();
    for (const canary of [key, wrong, secret, String(made.body['key']), 'canary-of-a-mail'])
      expect(server.output()).not.toContain(canary);
    folder.remove();
  });
});

describe.each(SHARED_STORES)('the console of two nodes on %s', (store) => {
  needs('postgres', ...(store === 'redis' ? (['redis'] as const) : []))('together', () => {
    let two: TwoNodes;
    beforeAll(async () => {
      two = await startTwoNodes(QUIET, store);
    });
    afterAll(() => two.stop());

    it('one session is good for both, shows both, and ends on both with its key', async () => {
      const [here, there] = two.nodes;
      const { browser, name } = await signedIn(here);
      const elsewhere = there.browser();
      for (const [one, value] of browser.cookies) elsewhere.cookies.set(one, value);
      const ada = await there.signedIn();
      const socket = await openSocket(there.url, { token: await ada.browser.token() });
      interface Nodes {
        readonly nodes: readonly { readonly report: { readonly sockets: number } }[];
      }
      await vi.waitFor(async () => {
        const { nodes } = (await callConsole(browser, '/nodes')).body as unknown as Nodes;
        expect(new Set(nodes.map(({ report }) => report.sockets))).toEqual(new Set([0, 1]));
      }, WAIT);
      expect((await callConsole(elsewhere, '/session')).status).toBe(200);
      await here.app.get(ApiKeys).revoke(name);
      expect((await callConsole(elsewhere, '/session')).status).toBe(401);
      expect((await callConsole(browser, '/session')).status).toBe(401);
      await socket.close();
    });
  });
});
