import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { Browser } from './kit/browser.js';
import { openSocket } from '../src/testing/live-socket.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';

interface Listed {
  readonly id: string;
  readonly current: boolean;
  readonly userAgent: string | null;
  readonly ip: string | null;
}

const LIST = '{ sessions { id current createdAt lastSeenAt expiresAt userAgent ip } }';
const REVOKE = 'mutation ($id: ID!) { revokeSession(id: $id) }';
const CHANGE = 'mutation ($current: String!, $next: String!) { changePassword(current: $current, next: $next) }';
const DELETE = 'mutation ($password: String!) { deleteAccount(password: $password) }';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600', THROTTLE_EXEMPT: '127.0.0.1' } });
});
afterAll(() => server.stop());

async function secondBrowser(who: SignedIn, userAgent = 'Second browser'): Promise<Browser> {
  const browser = server.browser({ userAgent });
  await browser.login(who);
  return browser;
}

const sessionsOf = async (browser: Browser): Promise<Listed[]> =>
  (await browser.query<{ sessions: Listed[] }>(LIST)).sessions;
const cookieOf = (browser: Browser): string => [...browser.cookies.values()][0] ?? '';
const codeOf = async (answer: ReturnType<Browser['gql']>): Promise<string | undefined> =>
  (await answer).errors[0]?.extensions.code;

describe('the list of sessions', () => {
  it('SE-7 shows devices with their address, and marks the current one', async () => {
    const ada = await server.signedIn();
    const other = await secondBrowser(ada);
    const listed = await sessionsOf(other);
    expect(listed.map(({ userAgent, ip, current }) => ({ userAgent, ip, current }))).toEqual(
      expect.arrayContaining([
        { userAgent: 'Second browser', ip: '127.0.0.1', current: true },
        { userAgent: 'Sallyport test', ip: '127.0.0.1', current: false },
      ]),
    );
    expect(JSON.stringify(listed)).not.toContain(cookieOf(other));
  });

  it('SE-7 can revoke one: its cookie is refused and its socket closes with 4401', async () => {
    const ada = await server.signedIn();
    const other = await secondBrowser(ada);
    const socket = await openSocket(server.url, { token: await other.token() });
    const id = (await sessionsOf(ada.browser)).find((session) => !session.current)?.id;
    expect(await ada.browser.query(REVOKE, { id })).toEqual({ revokeSession: true });
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(await other.me()).toBeNull();
    expect(await ada.browser.me()).not.toBeNull();
  });

  it("SE-7 answers the id of another account's session like an unknown or invalid id", async () => {
    const [ada, bob] = [await server.signedIn(), await server.signedIn('bob')];
    const [foreign] = await sessionsOf(bob.browser);
    const ids = [foreign?.id, '6f1c2f3e-0000-4000-8000-000000000000', 'no id', '', "' or 1=1 --", '٤٢'];
    const answers = await Promise.all(ids.map((id) => ada.browser.gql(REVOKE, { id })));
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    expect(await bob.browser.me()).not.toBeNull();
  });

  it('can revoke all others and returns how many', async () => {
    const ada = await server.signedIn();
    const others = [await secondBrowser(ada), await secondBrowser(ada)];
    expect(await ada.browser.query('mutation { revokeOtherSessions }')).toEqual({ revokeOtherSessions: 2 });
    expect(await Promise.all(others.map((other) => other.me()))).toEqual([null, null]);
    expect(await sessionsOf(ada.browser)).toHaveLength(1);
  });

  it('clears the cookie when the current session is revoked', async () => {
    const ada = await server.signedIn();
    const [own] = await sessionsOf(ada.browser);
    await ada.browser.query(REVOKE, { id: own?.id });
    expect([...ada.browser.cookies.keys()]).toEqual(['sallyport_device']);
  });

  it('requires a session', async () => {
    const visitor = server.browser();
    for (const document of [LIST, 'mutation { revokeOtherSessions }', 'mutation { revokeSession(id: "x") }']) {
      expect(await codeOf(visitor.gql(document))).toBe('UNAUTHENTICATED');
    }
    expect(await codeOf(visitor.gql(CHANGE, { current: 'x', next: 'y' }))).toBe('UNAUTHENTICATED');
    expect(await codeOf(visitor.gql(DELETE, { password: 'x' }))).toBe('UNAUTHENTICATED');
  });

  it('SE-10 has at most twenty; one more ends the oldest, with its socket', async () => {
    const ada = await server.signedIn();
    const socket = await ada.socket();
    const later: Browser[] = [];
    for (let n = 0; n < 20; n += 1) later.push(await secondBrowser(ada));
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(await ada.browser.me()).toBeNull();
    expect(await sessionsOf(later[0]!)).toHaveLength(20);
  });
});

describe('a session id', () => {
  it('SE-3 is new at every login, is never one that the client chose, and the presented one ends', async () => {
    const ada = await server.signedIn();
    const [name] = [...ada.browser.cookies.keys()];
    const before = cookieOf(ada.browser);
    await ada.browser.login(ada);
    const after = cookieOf(ada.browser);
    const chosen = 'A'.repeat(43);
    const fixated = server.browser();
    fixated.cookies.set(name!, chosen);
    await fixated.login(ada);
    expect(new Set([before, after, chosen, cookieOf(fixated)]).size).toBe(4);
    for (const dead of [before, chosen]) {
      const replay = server.browser();
      replay.cookies.set(name!, dead);
      expect(await replay.me()).toBeNull();
    }
  });

  it('SE-3 ends the session that was open before in the same browser', async () => {
    const [ada, bob] = [await server.signedIn(), await server.signedIn('bob')];
    const socket = await ada.socket();
    await ada.browser.login(bob);
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect((await ada.browser.me())?.user.id).toBe(bob.id);
  });

  it('SE-3 is one if a document signs in three times, and none if it then signs out', async () => {
    const ada = await server.signedIn();
    const login = `login(email: "${ada.email}", password: "${ada.password}") { id }`;
    const anonymous = server.browser();
    const answer = await anonymous.gql(`mutation { a: ${login} b: ${login} c: ${login} }`);
    expect(answer.errors).toEqual([]);
    expect(answer.headers.getSetCookie().map((cookie) => cookie.split('=')[0])).toEqual([
      'sallyport',
      'sallyport_device',
    ]);
    expect(await sessionsOf(ada.browser)).toHaveLength(2);
    expect((await anonymous.me())?.user.id).toBe(ada.id);
    await server.browser().query(`mutation { a: ${login} logout }`);
    expect(await sessionsOf(ada.browser)).toHaveLength(2);
  });

  it('SE-6 is invalid after logout: the cookie and earlier tokens are refused', async () => {
    const ada = await server.signedIn();
    const [cookies, token] = [new Map(ada.browser.cookies), await ada.browser.token()];
    await ada.browser.logout();
    const replay = server.browser();
    for (const [name, value] of cookies) replay.cookies.set(name, value);
    expect(await replay.me()).toBeNull();
    const socket = await openSocket(server.url);
    socket.send({ type: 'connection_init', payload: { token } });
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
  });

  it('SE-11 is not revived by fifty uses that race with its logout', async () => {
    const ada = await server.signedIn();
    const replay = server.browser();
    for (const [name, value] of ada.browser.cookies) replay.cookies.set(name, value);
    await Promise.all([
      ...Array.from({ length: 50 }, () => replay.gql('{ me { user { id } } }')),
      ada.browser.logout(),
    ]);
    expect(await replay.me()).toBeNull();
  });
});

describe('changing the password', () => {
  const next = 'an entirely other sentence';

  it('SE-8 SO-2 ends every other session and its sockets; this one and its sockets stay', async () => {
    const ada = await server.signedIn();
    const other = await secondBrowser(ada);
    const stays = await ada.socket();
    const goes = await openSocket(server.url, { token: await other.token() });
    expect(await ada.browser.query(CHANGE, { current: ada.password, next })).toEqual({ changePassword: true });
    expect((await goes.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(await other.me()).toBeNull();
    expect(await ada.browser.me()).not.toBeNull();
    await stays.settled();
    await stays.close();
    expect(
      await codeOf(
        server.browser().gql('mutation ($e: String!, $p: String!) { login(email: $e, password: $p) { id } }', {
          e: ada.email,
          p: ada.password,
        }),
      ),
    ).toBe('INVALID_CREDENTIALS');
    await server.browser().login({ email: ada.email, password: next });
  });

  it('gives the remaining session a new secret, so that a stolen cookie is useless', async () => {
    const ada = await server.signedIn();
    const thief = server.browser();
    for (const [name, value] of ada.browser.cookies) thief.cookies.set(name, value);
    await ada.browser.query(CHANGE, { current: ada.password, next });
    expect(await thief.me()).toBeNull();
  });

  it('SE-9 requires the current password', async () => {
    const ada = await server.signedIn();
    expect(await codeOf(ada.browser.gql(CHANGE, { current: 'not the password', next }))).toBe('INVALID_CREDENTIALS');
  });

  it('names the argument that is wrong', async () => {
    const ada = await server.signedIn();
    const { errors } = await ada.browser.gql(CHANGE, { current: ada.password, next: 'short' });
    expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'next' });
    const huge = await ada.browser.gql(CHANGE, { current: 'x'.repeat(1_000), next });
    expect(huge.errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'current' });
  });

  it('lets one of ten concurrent requests succeed, and the account still works', async () => {
    const ada = await server.signedIn();
    const passwords = Array.from({ length: 10 }, (_, n) => `${next} number ${n} of ten`);
    const requests = passwords.map((password) => {
      const browser = server.browser();
      for (const [name, value] of ada.browser.cookies) browser.cookies.set(name, value);
      return browser.gql(CHANGE, { current: ada.password, next: password });
    });
    const answers = await Promise.all(requests);
    const won = answers.flatMap((answer, n) => (answer.data ? [passwords[n]!] : []));
    expect(won).toHaveLength(1);
    await server.browser().login({ email: ada.email, password: won[0]! });
  });
});

describe('deleting the account', () => {
  it('SO-2 ends all sessions and sockets, and the e-mail is free again', async () => {
    const ada = await server.signedIn();
    const socket = await ada.socket();
    expect(await codeOf(ada.browser.gql(DELETE, { password: 'not the password' }))).toBe('INVALID_CREDENTIALS');
    expect(await ada.browser.query(DELETE, { password: ada.password })).toEqual({ deleteAccount: true });
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(ada.browser.cookies.size).toBe(0);
    await server.browser().register(ada);
  });

  it('happens once for concurrent requests', async () => {
    const ada = await server.signedIn();
    const requests = Array.from({ length: 4 }, () => ada.browser.gql(DELETE, { password: ada.password }));
    const answers = await Promise.all(requests);
    expect(answers.filter((answer) => answer.data !== null)).toHaveLength(1);
    for (const answer of answers) {
      if (!answer.data)
        expect(answer.errors[0]?.extensions.code).toMatch(/UNAUTHENTICATED|INVALID_CREDENTIALS|TOO_MANY/);
    }
  });
});

it('fifty concurrent logouts all succeed and end the session once', async () => {
  const ada = await server.signedIn();
  const answers = await Promise.all(Array.from({ length: 50 }, () => ada.browser.gql('mutation { logout }')));
  expect(answers.every((answer) => answer.errors.length === 0)).toBe(true);
  expect(await ada.browser.me()).toBeNull();
});
