import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { AccountChanges } from '../src/identity/sessions/account-changes.service.js';
import { SessionSweeper } from '../src/identity/sessions/session-sweeper.js';
import { TooManyRequestsError } from '../src/live/errors/sallyport.errors.js';
import { PublishRate } from '../src/live/publish/publish-rate.js';
import { AddressRateLimit } from '../src/live/rate-limit/address.rate-limit.js';
import { FAILURE_LIMITS } from '../src/live/rate-limit/failure.rate-limit.js';
import { type AuditEntry, AuditLog } from '../src/live/logging/audit-log.js';
import { newApiKey } from '../src/identity/api-keys/api-key.js';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { newCredentials } from './kit/browser.js';
import { startServer, type TestServer } from './kit/server.js';

const ADDRESS = '192.0.2.77';
const REGISTER =
  'mutation ($email: String!, $password: String!) { register(email: $email, password: $password) { id } }';
const LOGIN = 'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { id } }';
const WRONG = 'certainly not the password';

let server: TestServer;
let events: (AuditEntry & { event: string })[];

beforeAll(async () => {
  const env = { USER_COUNT_INTERVAL_SECONDS: '3600', TRUSTED_PROXIES: '127.0.0.1', THROTTLE_EXEMPT: ADDRESS };
  server = await startServer({ env });
});
afterAll(() => server.stop());
beforeEach(() => {
  events = [];
  vi.restoreAllMocks();
  vi.spyOn(server.app.get(AuditLog), 'record').mockImplementation(
    (event, entry) => void events.push({ event, ...entry }),
  );
});

const named = (name: string) => events.filter(({ event }) => event === name);

it('LK-5 records a registration, a sign-in and a sign-out with viewer, address and session', async () => {
  const browser = server.browser({ address: ADDRESS });
  const { id, ...who } = await browser.register();
  const viewer = `user:${id}`;
  await browser.login(who);
  await browser.logout();
  expect(named('registered')).toEqual([{ event: 'registered', viewer, address: ADDRESS, by: 'owner' }]);
  expect(named('sign-in')).toHaveLength(2);
  for (const entry of named('sign-in'))
    expect(entry).toMatchObject({ viewer, address: ADDRESS, session: expect.any(String) as string });
  expect(named('session-ended').map(({ reason }) => reason)).toEqual(['new-sign-in', 'signed-out']);
  expect(named('session-ended').at(-1)).toMatchObject({ viewer, by: 'owner', address: ADDRESS });
});

it('LK-5 records why sign-ins fail, unlike the response, without e-mail or password', async () => {
  const ada = await server.signedIn();
  events = [];
  const stranger = server.browser({ address: ADDRESS });
  await stranger.gql(LOGIN, { email: ada.email, password: WRONG });
  await stranger.gql(LOGIN, { email: newCredentials('nobody').email, password: WRONG });
  await server.app.get(AccountChanges, { strict: false }).disable(ada.email);
  await stranger.gql(LOGIN, { email: ada.email, password: ada.password });
  expect(named('sign-in-failed')).toEqual([
    expect.objectContaining({ viewer: ada.viewerId, address: ADDRESS, reason: 'wrong-password' }),
    expect.objectContaining({ viewer: null, address: ADDRESS, reason: 'unknown-email' }),
    expect.objectContaining({ viewer: ada.viewerId, address: ADDRESS, reason: 'account-disabled' }),
  ]);
  expect(named('account-disabled')).toEqual([{ event: 'account-disabled', viewer: ada.viewerId, by: 'operator' }]);
  expect(named('session-ended')).toEqual([
    expect.objectContaining({ viewer: ada.viewerId, by: 'operator', reason: 'account-disabled' }),
  ]);
  for (const secret of [WRONG, ada.password, ada.email]) expect(JSON.stringify(events)).not.toContain(secret);
});

it('LK-5 records throttled sign-ins and the limit', async () => {
  const { email } = newCredentials();
  for (let n = 0; n < 6; n += 1) await server.browser({ address: ADDRESS }).gql(LOGIN, { email, password: WRONG });
  expect(named('sign-in-throttled')).toEqual([
    expect.objectContaining({ address: ADDRESS, reason: 'limit-of-account', subject: expect.any(String) as string }),
  ]);
  expect(named('sign-in-throttled')[0]?.subject).toBe(named('sign-in-failed')[0]?.subject);
});

it('LK-5 names an e-mail by the same hash however it was typed, at sign-ins and at registrations', async () => {
  const ada = await server.signedIn();
  const typed = ada.email.toUpperCase();
  const stranger = server.browser({ address: ADDRESS });
  await stranger.gql(LOGIN, { email: ada.email, password: WRONG });
  await stranger.gql(REGISTER, { email: typed, password: ada.password });
  const subject = named('sign-in-failed')[0]?.subject;
  expect(named('registration-refused')).toEqual([expect.objectContaining({ reason: 'email-taken', subject })]);
});

it('LK-5 records sessions that end by their owner or by a change of the account', async () => {
  const ada = await server.signedIn();
  const second = server.browser({ address: ADDRESS });
  await second.login(ada);
  events = [];
  const change = 'mutation ($current: String!, $next: String!) { changePassword(current: $current, next: $next) }';
  await ada.browser.query(change, { current: ada.password, next: 'an entirely other sentence' });
  await ada.browser.gql('mutation { deleteAccount(password: "certainly not it") }');
  await ada.browser.query('mutation { deleteAccount(password: "an entirely other sentence") }');
  expect(events.map(({ event, reason = null, by }) => [event, reason, by])).toEqual([
    ['password-changed', null, 'owner'],
    ['session-ended', 'password-changed', 'owner'],
    ['password-refused', 'wrong-password', 'owner'],
    ['account-deleted', null, 'owner'],
    ['session-ended', 'account-deleted', 'owner'],
  ]);
  expect(events.every(({ viewer }) => viewer === ada.viewerId)).toBe(true);
});

it('LK-5 records created, revoked and misused API keys, never the key itself', async () => {
  const keys = server.app.get(ApiKeys);
  const key = (await keys.create('audited')) ?? '';
  await keys.revoke('audited');
  const wrong = newApiKey();
  for (const authorization of [`Bearer ${wrong}`, 'Bearer nonsense', '']) {
    await fetch(`${server.url}/publish`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': ADDRESS, authorization },
      body: '{"events":[]}',
    });
  }
  expect(events).toEqual([
    { event: 'api-key-created', by: 'operator', name: 'audited' },
    { event: 'api-key-revoked', by: 'operator', name: 'audited' },
    { event: 'api-key-refused', address: ADDRESS, reason: 'unknown-or-revoked' },
    { event: 'api-key-refused', address: ADDRESS, reason: 'malformed' },
    { event: 'api-key-refused', address: ADDRESS, reason: 'missing' },
  ]);
  for (const secret of [key, wrong]) expect(JSON.stringify(events)).not.toContain(secret);
});

it('LK-5 records from which address owners revoke their sessions', async () => {
  const who = newCredentials();
  const browsers = Array.from({ length: 3 }, () => server.browser({ address: ADDRESS }));
  const viewer = `user:${(await browsers[0]!.register(who)).id}`;
  for (const browser of browsers.slice(1)) await browser.login(who);
  const [{ session } = {}] = named('sign-in');
  await browsers[2]!.query('mutation ($id: ID!) { revokeSession(id: $id) }', { id: session });
  await browsers[2]!.query('mutation { revokeOtherSessions }');
  const entry = { event: 'session-ended', viewer, address: ADDRESS, by: 'owner', reason: 'revoked' };
  expect(named('session-ended')).toEqual([
    { ...entry, session },
    { ...entry, session: named('sign-in')[1]?.session },
  ]);
});

it('LK-5 records whose session ends when another user signs in with the same browser, and when it expires', async () => {
  const ada = await server.signedIn();
  const bob = await server.signedIn();
  events = [];
  await ada.browser.login(bob);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 400 * 86_400_000 });
  await server.app.get(SessionSweeper, { strict: false }).sweep();
  vi.useRealTimers();
  const ended = named('session-ended').map(({ viewer, reason }) => [viewer, reason]);
  expect(ended).toContainEqual([ada.viewerId, 'new-sign-in']);
  expect(ended.filter(([viewer]) => viewer === bob.viewerId)).toEqual(Array(2).fill([bob.viewerId, 'expired']));
});

const post = (path: string, headers: Record<string, string>, body: string) =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': ADDRESS, ...headers },
    body,
  });

it('LK-5 records who disconnects whom, from which address', async () => {
  const ada = await server.signedIn();
  const authorization = `Bearer ${await server.app.get(ApiKeys).create('disconnects', ['disconnect'])}`;
  const session = named('sign-in').at(-1)?.session;
  events = [];
  await post('/disconnect', { authorization }, JSON.stringify({ session }));
  await post('/disconnect', { authorization }, JSON.stringify({ viewer: ada.viewerId }));
  const who = { address: ADDRESS, by: 'backend' };
  expect(events).toEqual([
    { event: 'session-ended', viewer: ada.viewerId, reason: 'revoked', session, ...who },
    { event: 'disconnected', name: 'disconnects', session, ...who },
    { event: 'disconnected', name: 'disconnects', viewer: ada.viewerId, ...who },
  ]);
});

it('LK-5 records from which address a key, a user or an issuer is over a rate limit', async () => {
  const ada = await server.signedIn(undefined, { address: ADDRESS });
  const name = 'throttled';
  const authorization = `Bearer ${await server.app.get(ApiKeys).create(name, ['publish', 'disconnect'])}`;
  events = [];
  vi.spyOn(server.app.get(PublishRate), 'spend').mockImplementation(() => {
    throw new TooManyRequestsError(1, undefined, 'key');
  });
  for (const path of ['/publish', '/disconnect']) await post(path, { authorization }, '{}');
  const limits = server.app.get(AddressRateLimit, { strict: false });
  vi.spyOn(limits, 'count').mockRejectedValue(new TooManyRequestsError(1, undefined, 'address'));
  await ada.browser.gql('{ me { token } }');
  const key = { event: 'api-key-throttled', address: ADDRESS, name, reason: 'limit-of-key' };
  const user = { viewer: ada.viewerId, address: ADDRESS, reason: 'limit-of-address', by: 'owner' };
  expect(events).toEqual([key, key, { event: 'token-throttled', ...user }]);

  const address = '192.0.2.78';
  const form = { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': address };
  for (let n = 0; n <= FAILURE_LIMITS.badLogoutToken; n += 1) await post('/oidc/backchannel-logout', form, '');
  expect(events.at(-1)).toEqual({ event: 'logout-token-refused', address, reason: 'limit-of-address' });
});
