import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ConnectionRegistry } from '../src/live/gateway/connection/connection-registry.js';
import { AuditLog, type AuditRecord } from '../src/live/logging/audit-log.js';
import { Issuer, trustedIssuersEnv } from './kit/issuer.js';
import { closeCodeFor, openSocket, type LiveSocket } from '../src/testing/live-socket.js';
import { requireNeed, needs } from './kit/needs.js';
import { startServer, type TestServer } from './kit/server.js';

let acme: Issuer;
let globex: Issuer;
let server: TestServer;

beforeAll(async () => {
  [acme, globex] = await Promise.all([Issuer.start('acme'), Issuer.start('globex')]);
  server = await startServer({ env: { THROTTLE_EXEMPT: '127.0.0.1', ...trustedIssuersEnv(acme, globex) } });
});
afterAll(async () => {
  await server.stop();
  await Promise.all([acme.stop(), globex.stop()]);
});

function logOut(token: string, url = server.url): Promise<Response> {
  return fetch(`${url}/oidc/backchannel-logout`, {
    method: 'POST',
    body: new URLSearchParams({ logout_token: token }),
  });
}

const open = (socket: LiveSocket): boolean => socket.ws.readyState === socket.ws.OPEN;

describe('SO-8 a back-channel logout', () => {
  it('by sid closes the sockets of that session with 4401, and its tokens are refused afterwards', async () => {
    const token = await acme.sign('ann', { claims: { sid: 'one' } });
    const [ended, other, elsewhere] = await Promise.all([
      openSocket(server.url, { token }),
      openSocket(server.url, { token: await acme.sign('ann', { claims: { sid: 'two' } }) }),
      openSocket(server.url, { token: await globex.sign('ann', { claims: { sid: 'one' } }) }),
    ]);
    const answer = await logOut(await acme.logoutToken({ sid: 'one' }));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.text()).toBe('');
    expect((await ended.waitForClose()).code).toBe(4401);
    expect(await closeCodeFor(server.url, token)).toBe(4401);
    expect(await closeCodeFor(server.url, await acme.sign('ann', { claims: { sid: 'one' } }))).toBe(4401);
    expect(await closeCodeFor(server.url, await acme.sign('ann', { claims: { sid: 'three' } }))).toBe(1000);
    expect(await closeCodeFor(server.url, await globex.sign('ann', { claims: { sid: 'one' } }))).toBe(1000);
    await Promise.all([other.settled(), elsewhere.settled()]);
    expect([open(other), open(elsewhere)]).toEqual([true, true]);
    other.send({ type: 'ping', payload: { token } });
    expect((await other.waitForClose()).code).toBe(4401);
    await elsewhere.close();
  });

  it('by sub closes all sockets of that user, and earlier tokens are refused', async () => {
    const old = await acme.sign('bob', { issued: -2 });
    const sockets = await Promise.all([
      openSocket(server.url, { token: old }),
      openSocket(server.url, { token: await acme.sign('bob', { issued: -2, claims: { sid: 'b1' } }) }),
    ]);
    const namesake = await openSocket(server.url, { token: await globex.sign('bob', { issued: -2 }) });
    expect((await logOut(await acme.logoutToken({ sub: 'bob' }, { issued: -1 }))).status).toBe(200);
    for (const socket of sockets) expect((await socket.waitForClose()).code).toBe(4401);
    // Makes this node forget the announcement: only the store knows that the session has ended.
    vi.spyOn(server.app.get(ConnectionRegistry, { strict: false }), 'hasEnded').mockReturnValue(false);
    expect(await closeCodeFor(server.url, old)).toBe(4401);
    expect(await closeCodeFor(server.url, await acme.sign('bob'))).toBe(1000);
    vi.restoreAllMocks();
    await namesake.settled();
    expect(open(namesake)).toBe(true);
    await namesake.close();
  });

  it('by sid and sub closes that session and sockets without a session, but not other sessions', async () => {
    const [named, unnamed, other] = await Promise.all([
      openSocket(server.url, { token: await acme.sign('eve', { issued: -2, claims: { sid: 'e1' } }) }),
      openSocket(server.url, { token: await acme.sign('eve', { issued: -2 }) }),
      openSocket(server.url, { token: await acme.sign('eve', { issued: -2, claims: { sid: 'e2' } }) }),
    ]);
    expect((await logOut(await acme.logoutToken({ sub: 'eve', sid: 'e1' }, { issued: -1 }))).status).toBe(200);
    expect((await named.waitForClose()).code).toBe(4401);
    expect((await unnamed.waitForClose()).code).toBe(4401);
    await other.settled();
    expect(open(other)).toBe(true);
    expect(await closeCodeFor(server.url, await acme.sign('eve'))).toBe(1000);
    await other.close();
  });

  it('is accepted once for each token', async () => {
    const token = await acme.logoutToken({ sid: 'once' });
    expect((await logOut(token)).status).toBe(200);
    const again = await logOut(token);
    expect(again.status).toBe(400);
    expect(await again.json()).toMatchObject({ error: { code: 'BAD_USER_INPUT' } });
  });
});

describe('a logout token is refused with 400:', () => {
  const claim = (name: string, value: unknown) => () => acme.logoutToken({ sid: 's' }, { claims: { [name]: value } });
  const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
  it.each<[string, () => Promise<string> | string]>([
    ['no text', () => ''],
    ['no JWT', () => 'abc'],
    ['an access token', () => acme.sign('ann', { claims: { sid: 's' } })],
    ['an access token with a jti', () => acme.sign('ann', { claims: { sid: 's', jti: 'a' } })],
    ['a nonce', claim('nonce', 'n')],
    ['no events', claim('events', undefined)],
    ['events that are a list', claim('events', [EVENT])],
    ['another event', claim('events', { 'http://schemas.openid.net/event/other': {} })],
    ['an event that is no object', claim('events', { [EVENT]: true })],
    ['no jti', claim('jti', undefined)],
    ['a jti that is a number', claim('jti', 1)],
    ['neither sid nor sub', () => acme.logoutToken({})],
    ['a sid that is a number', claim('sid', 1)],
    ['a sub with a control character', () => acme.logoutToken({ sub: 'a\u0000' })],
    ['another audience', claim('aud', 'other')],
    ['another issuer', claim('iss', 'https://id.example')],
    ["another issuer's key", () => globex.logoutToken({ sid: 's' }, { claims: { iss: acme.url } })],
    ['the type of an access token', () => acme.logoutToken({ sid: 's' }, { header: { typ: 'at+jwt' } })],
    ['expired', () => acme.logoutToken({ sid: 's' }, { issued: -300, expiresIn: -1 })],
    ['no exp', claim('exp', undefined)],
    ['no iat', claim('iat', undefined)],
    ['a life of two hours', () => acme.logoutToken({ sid: 's' }, { expiresIn: 7_200 })],
    ['an unknown key', () => acme.logoutToken({ sid: 's' }, { header: { kid: 'made-up' } })],
  ])('%s', async (_, token) => {
    const socket = await openSocket(server.url, { token: await acme.sign('ann', { claims: { sid: 's' } }) });
    const answer = await logOut(await token());
    expect(answer.status).toBe(400);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    await socket.settled();
    expect(open(socket)).toBe(true);
    await socket.close();
  });

  it('with a line in the audit log that has the reason and the address', async () => {
    const records: AuditRecord[] = [];
    const leave = server.app.get(AuditLog).listen((record) => records.push(record));
    const once = await acme.logoutToken({ sid: 'audited' });
    const expired = await acme.logoutToken({ sid: 's' }, { issued: -300, expiresIn: -1 });
    for (const token of [once, once, 'abc', expired, await acme.sign('ann')]) await logOut(token);
    leave();
    const refused = records.filter(({ event }) => event === 'logout-token-refused');
    expect(refused.map(({ reason }) => reason)).toEqual(['used', 'malformed', 'expired', 'no-logout']);
    expect(refused[0]).toMatchObject({ address: '127.0.0.1', by: 'stranger', viewer: null });
  });

  it.each([
    ['JSON', 415, { headers: { 'content-type': 'application/json' }, body: '{"logout_token":"a"}' }],
    [
      'two of them',
      400,
      {
        body: new URLSearchParams([
          ['logout_token', 'a'],
          ['logout_token', 'b'],
        ]),
      },
    ],
    ['a body of 1 MB', 413, { body: new URLSearchParams({ logout_token: 'a'.repeat(1_000_000) }) }],
  ])('%s', async (_, status, init) => {
    const answer = await fetch(`${server.url}/oidc/backchannel-logout`, { method: 'POST', ...init });
    expect(answer.status).toBe(status);
  });

  it('another method', async () => {
    expect((await fetch(`${server.url}/oidc/backchannel-logout`)).status).toBe(405);
  });

  it('too many of them from one address, not counting valid ones', async () => {
    const limited = await startServer({ env: trustedIssuersEnv(acme) });
    const good = await logOut(await acme.logoutToken({ sid: 'first' }), limited.url);
    expect(good.status).toBe(200);
    const statuses = new Set<number>();
    for (let n = 0; n < 310; n += 1) statuses.add((await logOut('abc', limited.url)).status);
    expect([...statuses]).toEqual([400, 429]);
    await limited.stop();
  }, 60_000);
});

needs('redis')('SO-8 a back-channel logout over two nodes', () => {
  it('closes sockets on both, and tokens of the session are refused on both', async () => {
    const env = { REDIS_URL: requireNeed('redis'), ...trustedIssuersEnv(acme) };
    // Redis still knows who was logged out by an earlier run.
    const [zoe, max, sid] = [randomUUID(), randomUUID(), randomUUID()];
    const one = await startServer({ env });
    const two = await startServer({ env: { ...env, PUBLIC_URL: one.url } });
    const byId = async (url: string) =>
      openSocket(url, { token: await acme.sign(zoe, { issued: -2, claims: { sid } }) });
    const bySub = async (url: string) => openSocket(url, { token: await acme.sign(max, { issued: -2 }) });
    const sockets = await Promise.all([byId(one.url), byId(two.url), bySub(one.url), bySub(two.url)]);
    expect((await logOut(await acme.logoutToken({ sid }), one.url)).status).toBe(200);
    expect((await logOut(await acme.logoutToken({ sub: max }, { issued: -1 }), two.url)).status).toBe(200);
    for (const socket of sockets) expect((await socket.waitForClose()).code).toBe(4401);
    for (const url of [one.url, two.url]) {
      expect(await closeCodeFor(url, await acme.sign(zoe, { claims: { sid } }))).toBe(4401);
      expect(await closeCodeFor(url, await acme.sign(max, { issued: -2 }))).toBe(4401);
    }
    const token = await acme.logoutToken({ sid: randomUUID() });
    expect((await logOut(token, one.url)).status).toBe(200);
    expect((await logOut(token, two.url)).status).toBe(400);
    await Promise.all([one.stop(), two.stop()]);
  }, 60_000);
});
