import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { base64url, exportSPKI, importJWK, type CryptoKey } from 'jose';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { Presence } from '../src/live/presence/presence.js';
import { Registry } from 'prom-client';
import { TokenService } from '../src/live/tokens/token.service.js';
import { Issuer, type TokenOptions, trustedIssuersEnv } from './kit/issuer.js';
import { closeCodeFor, type LiveSocket, openSocket } from '../src/testing/live-socket.js';
import { startServer, type TestServer } from './kit/server.js';

const NOTIFICATIONS = 'subscription { notifications { title } }';

let acme: Issuer;
let globex: Issuer;
let server: TestServer;
let key: string;

beforeAll(async () => {
  [acme, globex] = await Promise.all([Issuer.start('acme'), Issuer.start('globex', 'ES256')]);
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600', ...trustedIssuersEnv(acme, globex) } });
  key = (await server.app.get(ApiKeys).create('backend', ['publish', 'disconnect'])) ?? '';
});
afterAll(async () => {
  await server.stop();
  await Promise.all([acme.stop(), globex.stop()]);
});

async function post(path: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
  return response.json();
}

const publish = (viewer: string, title: string): Promise<unknown> =>
  post('/publish', { events: [{ topic: 'notifications', viewer, payload: { kind: 'hello', title } }] });
const disconnect = (what: Record<string, string>): Promise<unknown> => post('/disconnect', what);

const titleOf = (payload: unknown): unknown =>
  (payload as { data: { notifications: { title: string } } }).data.notifications.title;

async function subscribed(token: string): Promise<LiveSocket> {
  const socket = await openSocket(server.url, { token, resumable: true });
  socket.subscribe('1', NOTIFICATIONS);
  await socket.settled();
  return socket;
}

describe('the JWT of a trusted issuer', () => {
  it.each([
    ['text', 'a session', (sid: string) => sid],
    ['a UUID', crypto.randomUUID(), (sid: string) => sid],
    ['its whole id', 'session-7', (sid: string) => `external:acme:${sid}`],
  ])('ends with POST /disconnect of its `sid`, given as %s', async (_, sid, given) => {
    const token = await acme.sign('ended', { claims: { sid } });
    const socket = await subscribed(token);
    expect(await disconnect({ session: given(sid) })).toEqual({});
    expect((await socket.waitForClose()).code).toBe(4401);
    expect(await closeCodeFor(server.url, token)).toBe(4401);
  });

  it('ends with POST /disconnect of its viewer although its issuer is 4 s ahead, and a later one is accepted', async () => {
    const token = await acme.sign('ahead', { issued: 4 });
    const socket = await subscribed(token);
    expect(await disconnect({ viewer: 'external:acme:ahead' })).toEqual({});
    expect((await socket.waitForClose()).code).toBe(4401);
    expect(await closeCodeFor(server.url, token)).toBe(4401);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6_000 });
    const later = await acme.sign('ahead');
    expect(await closeCodeFor(server.url, later).finally(() => void vi.useRealTimers())).toBe(1000);
  });

  it("opens a socket that receives its viewer's events, and no other socket does", async () => {
    const [ann, other, namesake] = await Promise.all([
      subscribed(await acme.sign('1234')),
      subscribed(await acme.sign('1235')),
      subscribed(await globex.sign('1234')),
    ]);
    expect(await publish('external:acme:1234', 'for ann')).toEqual({
      results: [{ cursor: expect.any(String) as string }],
    });
    expect(titleOf(await ann.waitForNext('1'))).toBe('for ann');
    expect((await other.settled()).filter(({ type }) => type === 'next')).toEqual([]);
    expect((await namesake.settled()).filter(({ type }) => type === 'next')).toEqual([]);
    await Promise.all([ann.close(), other.close(), namesake.close()]);
  });

  it("is acknowledged with the token's expiry, and extended by a refresh", async () => {
    const socket = await openSocket(server.url);
    const first = await acme.sign('ann', { expiresIn: 100, claims: { sid: 's1' } });
    const ack = await socket.init({ token: first });
    const secondsLeft = (Date.parse(String(ack['expiresAt'])) - Date.now()) / 1000;
    expect(secondsLeft).toBeGreaterThan(90);
    expect(secondsLeft).toBeLessThan(101);
    socket.send({
      type: 'ping',
      payload: { token: await acme.sign('ann', { expiresIn: 900, claims: { sid: 's1' } }) },
    });
    const pong = (await socket.waitForMessage('pong')).payload as { expiresAt: string };
    expect(Date.parse(pong.expiresAt) - Date.now()).toBeGreaterThan(800_000);
    await socket.close();
  });

  it.each([
    ['another viewer', () => acme.sign('bob', { claims: { sid: 's1' } })],
    ['the same subject of another source', () => globex.sign('ann', { claims: { sid: 's1' } })],
    ['another session', () => acme.sign('ann', { claims: { sid: 's2' } })],
    ['no session', () => acme.sign('ann')],
  ])('refuses a refresh by a token of %s with 4403', async (_, token) => {
    const socket = await openSocket(server.url, { token: await acme.sign('ann', { claims: { sid: 's1' } }) });
    socket.send({ type: 'ping', payload: { token: await token() } });
    expect((await socket.waitForClose()).code).toBe(4403);
  });

  it('closes the socket with 4403 five seconds after its expiry', async () => {
    const socket = await openSocket(server.url, { token: await acme.sign('short', { expiresIn: 2 }) });
    const startedAtMs = performance.now();
    expect((await socket.waitForClose()).code).toBe(4403);
    expect(performance.now() - startedAtMs).toBeGreaterThan(5_500);
  }, 30_000);

  it('keeps its socket when open sessions are checked', async () => {
    const { SessionWatch } = await import('../src/live/sessions/session-watch.js');
    const socket = await openSocket(server.url, { token: await acme.sign('stays', { claims: { sid: 'kept' } }) });
    await server.app.get(SessionWatch, { strict: false }).check();
    await socket.settled();
    expect(socket.ws.readyState).toBe(socket.ws.OPEN);
    await socket.close();
  });

  it('is in presence, in metrics by kind, limited per viewer, and resumes', async () => {
    const socket = await subscribed(await acme.sign('resumes'));
    await publish('external:acme:resumes', 'one');
    const next = await socket.waitForNext('1');
    const connected: string[] = [];
    for await (const batch of server.app.get(Presence, { strict: false }).connected()) connected.push(...batch);
    expect(connected).toContain('external:acme:resumes');
    const gauge = await server.app.get(Registry).getSingleMetric('sallyport_viewer_sockets')?.get();
    expect(gauge?.values.find(({ labels }) => labels['kind'] === 'external')?.value).toBeGreaterThan(0);
    await socket.close();
    await publish('external:acme:resumes', 'two');
    const again = await openSocket(server.url, { token: await acme.sign('resumes'), resumable: true });
    again.subscribe('1', NOTIFICATIONS, { extensions: { resume: next.extensions?.['cursor'] } });
    const missed = await again.waitForNext('1');
    expect(titleOf(missed)).toBe('two');
    expect(missed.extensions?.['recovered']).toBe(true);
    const more = await Promise.all(
      Array.from({ length: 19 }, async () => openSocket(server.url, { token: await acme.sign('resumes') })),
    );
    expect(await closeCodeFor(server.url, await acme.sign('resumes'))).toBe(1013);
    await Promise.all([again, ...more].map((one) => one.close()));
  });

  it.each([
    ['plain-1', 'external:acme:plain-1'],
    ['globex:1234', 'external:acme:globex%3A1234'],
    ['Zoë', 'external:acme:Zo%C3%AB'],
    ['%31', 'external:acme:%2531'],
    ['*', 'external:acme:%2A'],
  ])('with the subject %j is the viewer %s and no other', async (subject, viewer) => {
    const socket = await subscribed(await acme.sign(subject));
    await publish(viewer, 'yours');
    expect(titleOf(await socket.waitForNext('1'))).toBe('yours');
    await socket.close();
  });

  it.each([
    ['without a typ', { header: {} }],
    ['of the type JWT', { header: { typ: 'JWT' } }],
    ['of the type at+jwt', { header: { typ: 'at+jwt' } }],
    ['of the type application/at+jwt', { header: { typ: 'application/at+jwt' } }],
    ['for several audiences', { claims: { aud: ['other', 'sallyport'] } }],
    ['without a kid, where one key fits', { header: { kid: undefined } }],
    ['issued 4 s in the future', { issued: 4 }],
  ] satisfies [string, TokenOptions][])('is taken %s', async (_, options) => {
    expect(await closeCodeFor(server.url, await acme.sign('fine', options))).toBe(1000);
  });
});

/** Builds a token from any parts, unsigned or with any signature. */
function raw(header: unknown, payload: unknown, signature: (input: string) => string): string {
  const input = [header, payload].map((part) => base64url.encode(JSON.stringify(part))).join('.');
  return `${input}.${signature(input)}`;
}

function claims(more: Record<string, unknown> = {}): Record<string, unknown> {
  const iat = Math.floor(Date.now() / 1000);
  return { iss: acme.url, aud: 'sallyport', sub: '1', iat, exp: iat + 300, ...more };
}

const hmac = (secret: string | Uint8Array) => (input: string) =>
  createHmac('sha256', secret).update(input).digest('base64url');

async function publicKey(): Promise<CryptoKey> {
  return (await importJWK(acme.publicJwk, 'RS256', { extractable: true })) as CryptoKey;
}

describe('TK-14 a forged or confused token is refused:', () => {
  const of =
    (options: TokenOptions, subject: string | undefined = '1') =>
    () =>
      acme.sign(subject, options);
  const claim = (name: string, value: unknown) => of({ claims: { [name]: value } });
  const header = (name: string, value: unknown) => of({ header: { [name]: value } });
  const now = () => Math.floor(Date.now() / 1000);

  const forged: [string, () => Promise<string> | string][] = [
    ['an unknown issuer', () => acme.sign('1', { claims: { iss: 'https://id.example' } })],
    ['an issuer with a slash at the end', () => acme.sign('1', { claims: { iss: `${acme.url}/` } })],
    ['an issuer in capitals', () => acme.sign('1', { claims: { iss: acme.url.toUpperCase() } })],
    ['no issuer', claim('iss', undefined)],
    ['an issuer that is a list', () => acme.sign('1', { claims: { iss: [acme.url] } })],
    ["another issuer's name over this one's key", () => acme.sign('1', { claims: { iss: globex.url } })],
    ["this issuer's name over another one's key", () => globex.sign('1', { claims: { iss: acme.url } })],
    ['another audience', claim('aud', 'another-client')],
    ['an id token of another client', claim('aud', ['another-client'])],
    ['no audience', claim('aud', undefined)],
    ['an empty list of audiences', claim('aud', [])],
    ['an audience in capitals', claim('aud', 'SALLYPORT')],
    ['alg none', () => raw({ alg: 'none', kid: acme.kid }, claims(), () => '')],
    ['alg none with a signature', () => raw({ alg: 'none', kid: acme.kid }, claims(), () => 'AAAA')],
    ['alg nOnE', () => raw({ alg: 'nOnE', kid: acme.kid }, claims(), () => 'AAAA')],
    [
      'HS256 with the public key as PEM',
      async () => raw({ alg: 'HS256', kid: acme.kid }, claims(), hmac(await exportSPKI(await publicKey()))),
    ],
    [
      'HS256 with the public key as JWK',
      () => raw({ alg: 'HS256', kid: acme.kid }, claims(), hmac(JSON.stringify(acme.publicJwk))),
    ],
    [
      'HS256 with an empty key',
      () =>
        raw({ alg: 'HS256', kid: acme.kid }, claims(), (input) =>
          createHmac('sha256', '').update(input).digest('base64url'),
        ),
    ],
    [
      'an algorithm that does not fit the key',
      () => raw({ alg: 'ES256', kid: acme.kid }, claims(), () => 'A'.repeat(86)),
    ],
    [
      'an algorithm that the key does not name',
      () => raw({ alg: 'PS256', kid: acme.kid }, claims(), () => 'A'.repeat(342)),
    ],
    ['no algorithm', () => raw({ kid: acme.kid }, claims(), () => 'AAAA')],
    ['an algorithm that is a list', () => raw({ alg: ['RS256'], kid: acme.kid }, claims(), () => 'AAAA')],
    ['an unknown kid', header('kid', 'made-up')],
    ['an empty kid', header('kid', '')],
    ['a kid that is a path', header('kid', '../../../../dev/null')],
    ['a kid that is SQL', header('kid', "x' UNION SELECT 'key")],
    ['a kid that is a URL', header('kid', 'http://127.0.0.1:1/key')],
    ['the kid __proto__', header('kid', '__proto__')],
    ['a kid that is a list', () => raw({ alg: 'RS256', kid: [acme.kid] }, claims(), () => 'AAAA')],
    ['a kid of 10 kB', header('kid', 'k'.repeat(10_000))],
    ['crit', () => raw({ alg: 'RS256', kid: acme.kid, crit: ['exp'], exp: 1 }, claims(), () => 'AAAA')],
    ['crit with b64', () => raw({ alg: 'RS256', kid: acme.kid, crit: ['b64'], b64: false }, claims(), () => 'AAAA')],
    ['a key of its own in jwk', header('jwk', { kty: 'RSA', n: 'AQAB', e: 'AQAB' })],
    ['a key set of its own in jku', header('jku', 'https://attacker.example/jwks')],
    ['a certificate of its own in x5c', header('x5c', ['MIIB'])],
    ['a certificate of its own in x5u', header('x5u', 'https://attacker.example/cert')],
    ['expired', of({ issued: -600, expiresIn: -1 })],
    ['not yet valid', () => acme.sign('1', { claims: { nbf: now() + 60 } })],
    ['issued in the future', of({ issued: 60, expiresIn: 600 })],
    ['no exp', claim('exp', undefined)],
    ['no iat', claim('iat', undefined)],
    ['an exp that is text', () => acme.sign('1', { claims: { exp: String(now() + 300) } })],
    ['an exp before its iat', of({ issued: 3, expiresIn: 2 })],
    ['an exp in a thousand years', of({ expiresIn: 31_536_000_000 })],
    ['a life of more than a day', of({ expiresIn: 86_500 })],
    ['an exp that is null', claim('exp', null)],
    ['huge', claim('groups', 'g'.repeat(20_000))],
    ['nested', async () => raw({ alg: 'RS256', kid: acme.kid, cty: 'JWT' }, await acme.sign('1'), () => 'AAAA')],
    ['an encrypted token', () => `${base64url.encode(JSON.stringify({ alg: 'dir', enc: 'A256GCM' }))}..AAAA.AAAA.AAAA`],
    ['a logout token', () => acme.logoutToken({ sub: '1', sid: 's' })],
    ['a logout token without its type', () => acme.logoutToken({ sub: '1' }, { header: { typ: 'JWT' } })],
    ['a security event token', header('typ', 'secevent+jwt')],
    ['a DPoP proof', header('typ', 'dpop+jwt')],
    ['the type of our own tokens', header('typ', 'sallyport-socket+jwt')],
    ['a token bound to a key', claim('cnf', { jkt: 'abc' })],
    ['no sub', claim('sub', undefined)],
    ['an empty sub', of({}, '')],
    ['a sub that is a number', claim('sub', 1)],
    ['a sub that is a list', claim('sub', ['1'])],
    ['a sub with a NUL', of({}, '1\u0000')],
    ['a sub with a line break', of({}, '1\nexternal:globex:1')],
    ['a sub with half of a surrogate pair', of({}, '1\ud800')],
    ['a sub of 201 bytes', of({}, 's'.repeat(201))],
    ['a sid that is a number', claim('sid', 7)],
    ['an empty sid', claim('sid', '')],
    ['a sid with a control character', claim('sid', 'a\u0007')],
    [
      'a changed payload',
      async () => {
        const [head, , signature] = (await acme.sign('1')).split('.');
        return `${head}.${base64url.encode(JSON.stringify(claims({ sub: '2' })))}.${signature}`;
      },
    ],
    ['a signature cut off', async () => (await acme.sign('1')).slice(0, -10)],
    ['no signature', async () => `${(await acme.sign('1')).split('.').slice(0, 2).join('.')}.`],
    ['a fourth part', async () => `${await acme.sign('1')}.AAAA`],
    ['a payload that is a list', () => raw({ alg: 'RS256', kid: acme.kid }, [claims()], () => 'AAAA')],
    [
      'our own form signed by the issuer',
      () => acme.sign(`user:${crypto.randomUUID()}`, { header: { typ: 'sallyport-socket+jwt', alg: 'RS256' } }),
    ],
    [
      'our own token for an external viewer',
      () =>
        server.app.get(TokenService, { strict: false }).sign({ id: 'external:acme:1', sessionId: 'external:acme:s' })
          .token,
    ],
  ];

  it('there are at least forty', () => {
    expect(forged.length).toBeGreaterThanOrEqual(40);
  });

  it.each(forged)('%s', async (_, token) => {
    expect(await closeCodeFor(server.url, await token())).toBe(4403);
  });

  it('and invented kids cause only a few fetches of keys', async () => {
    const before = acme.keyFetches;
    for (let n = 0; n < 50; n += 1)
      await closeCodeFor(server.url, await acme.sign('1', { header: { kid: `made-up-${n}` } }));
    expect(acme.keyFetches - before).toBeLessThanOrEqual(3);
  });
});

describe('the keys of an issuer', () => {
  it('rotate without a restart', async () => {
    const issuer = await Issuer.start('rotating');
    const rotating = await startServer({ env: trustedIssuersEnv(issuer) });
    const opens = async () =>
      openSocket(rotating.url, { token: await issuer.sign('1') }).then((socket) => socket.close());
    await opens();
    await issuer.rotate({ keepOld: false });
    await opens();
    expect(issuer.keyFetches).toBe(2);
    await rotating.stop();
    await issuer.stop();
  });

  it('that are known stay in use while the issuer is unavailable', async () => {
    const issuer = await Issuer.start('away');
    const left = await startServer({ env: trustedIssuersEnv(issuer) });
    await openSocket(left.url, { token: await issuer.sign('1') }).then((socket) => socket.close());
    const token = await issuer.sign('2');
    await issuer.stop();
    await openSocket(left.url, { token }).then((socket) => socket.close());
    await left.stop();
  });

  it('that are not known close the socket with 1013, without delaying other issuers', async () => {
    const hanging = await Issuer.start('hanging');
    hanging.answerDiscovery = () => {};
    const good = await Issuer.start('good');
    const both = await startServer({ env: trustedIssuersEnv(hanging, good) });
    const socket = await openSocket(both.url);
    socket.send({ type: 'connection_init', payload: { token: await hanging.sign('1') } });
    await openSocket(both.url, { token: await good.sign('1') }).then((other) => other.close());
    expect(socket.ws.readyState).toBe(socket.ws.OPEN);
    expect((await socket.waitForClose()).code).toBe(1013);
    await both.stop();
    await Promise.all([hanging.stop(), good.stop()]);
  }, 30_000);
});
