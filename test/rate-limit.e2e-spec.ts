import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADDRESS_LIMITS } from '../src/live/rate-limit/address.rate-limit.js';
import { type GqlResponse, newCredentials } from './kit/browser.js';
import { needs, findNeed } from './kit/needs.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';

const LOGIN = 'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { id } }';
const WRONG = 'certainly not the password';
/** Tests use many addresses, which the server accepts because it trusts this machine as a proxy. */
const PROXIED = { USER_COUNT_INTERVAL_SECONDS: '3600', TRUSTED_PROXIES: '127.0.0.1' };

let lastAddress = 0;
const newAddress = (): string => `198.51.${100 + (lastAddress >> 8)}.${lastAddress++ & 255}`;

function login(server: TestServer, email: string, password: string, address = newAddress()): Promise<GqlResponse> {
  return server.browser({ address }).gql(LOGIN, { email, password });
}

const codeOf = (answer: GqlResponse): string => answer.errors[0]?.extensions.code ?? 'none';
const waitOf = (answer: GqlResponse): number => answer.errors[0]?.extensions.retryAfterSeconds ?? 0;

/** Creates an account whose only session has its own address. */
async function signedInAtNewAddress(server: TestServer): Promise<SignedIn & { home: string }> {
  const home = newAddress();
  return { ...(await server.signedIn('ada', { address: home })), home };
}

afterEach(() => void vi.useRealTimers());

describe('guessing at one account', () => {
  let server: TestServer;
  beforeAll(async () => void (server = await startServer({ env: PROXIED })));
  afterAll(() => server.stop());

  it('BF-1 waits from the fifth failure on, twice as long each time, from any address; the correct password resets it', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.now() });
    const ada = await signedInAtNewAddress(server);
    for (let n = 0; n < 5; n += 1) expect(codeOf(await login(server, ada.email, WRONG))).toBe('INVALID_CREDENTIALS');
    for (const wait of [1, 2, 4, 8]) {
      const early = await login(server, ada.email, ada.password);
      expect([codeOf(early), waitOf(early)]).toEqual(['TOO_MANY_REQUESTS', wait]);
      vi.advanceTimersByTime(wait * 1000);
      expect(codeOf(await login(server, ada.email, WRONG))).toBe('INVALID_CREDENTIALS');
    }
    vi.advanceTimersByTime(16_000);
    expect(codeOf(await login(server, ada.email, ada.password))).toBe('none');
    for (let n = 0; n < 4; n += 1) await login(server, ada.email, WRONG);
    expect(codeOf(await login(server, ada.email, ada.password))).toBe('none');
  });

  it('BF-1 waits no longer than fifteen minutes', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.now() });
    const email = newCredentials().email;
    let longest = 0;
    for (let n = 0; n < 20; n += 1) {
      const answer = await login(server, email, WRONG);
      longest = Math.max(longest, waitOf(answer));
      vi.advanceTimersByTime(waitOf(answer) * 1000);
    }
    for (let n = 0; n < 20; n += 1) {
      await login(server, email, WRONG);
      const early = waitOf(await login(server, email, WRONG));
      longest = Math.max(longest, early);
      vi.advanceTimersByTime(early * 1000);
    }
    expect(longest).toBe(900);
  });

  it('BF-1 counts fifty concurrent guesses as fifty: five are verified, the others wait', async () => {
    const ada = await signedInAtNewAddress(server);
    const answers = await Promise.all(Array.from({ length: 50 }, () => login(server, ada.email, WRONG)));
    const verified = answers.filter((answer) => codeOf(answer) === 'INVALID_CREDENTIALS').length;
    const refused = answers.filter((answer) => codeOf(answer) === 'TOO_MANY_REQUESTS').length;
    expect(verified + refused).toBe(50);
    // On a slow machine the first wait, 1 s, ends while attempts are still arriving.
    expect(verified).toBeGreaterThanOrEqual(5);
    expect(verified).toBeLessThanOrEqual(7);
  });

  it('BF-3 counts each alias', async () => {
    const ada = await signedInAtNewAddress(server);
    const fields = Array.from(
      { length: 8 },
      (_, n) => `a${n}: login(email: "${ada.email}", password: "${WRONG}") { id }`,
    );
    const answers = await Promise.all(
      fields.map((_, n) =>
        server.browser({ address: newAddress() }).gql(`mutation { ${fields.slice(n, n + 2).join(' ')} }`),
      ),
    );
    const codes = answers.flatMap((answer) => answer.errors.map((error) => error.extensions.code));
    expect(codes.filter((code) => code === 'INVALID_CREDENTIALS').length).toBeLessThanOrEqual(7);
    expect(codes).toContain('TOO_MANY_REQUESTS');
  });

  it('BF-4 does not lock out the owner on a known device, also not from changing the password', async () => {
    const ada = await signedInAtNewAddress(server);
    for (let n = 0; n < 8; n += 1) await login(server, ada.email, WRONG);
    expect(codeOf(await login(server, ada.email, ada.password))).toBe('TOO_MANY_REQUESTS');
    for (let n = 0; n < 3; n += 1) {
      await ada.browser.logout();
      await login(server, ada.email, WRONG);
      await ada.browser.login(ada);
    }
    const change = 'mutation ($current: String!, $next: String!) { changePassword(current: $current, next: $next) }';
    const next = 'an entirely other sentence';
    expect(await ada.browser.query(change, { current: ada.password, next })).toEqual({ changePassword: true });
  });

  it('BF-5 EN-1 throttles an unknown account like a known one, with the same bytes', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.now() });
    const [ada, nobody] = [await signedInAtNewAddress(server), newCredentials('nobody')];
    for (let n = 0; n < 10; n += 1) {
      const known = await login(server, ada.email, WRONG);
      const unknown = await login(server, nobody.email, WRONG);
      expect(unknown.text).toBe(known.text);
    }
  });

  it('BF-4 a device cookie only lifts a limit: a wrong password is still refused and counted', async () => {
    const ada = await signedInAtNewAddress(server);
    await ada.browser.logout();
    const thief = server.browser({ address: newAddress() });
    for (const [name, value] of ada.browser.cookies) thief.cookies.set(name, value);
    expect(await thief.me()).toBeNull();
    const codes: string[] = [];
    for (let n = 0; n < 6; n += 1) codes.push(codeOf(await thief.gql(LOGIN, { email: ada.email, password: WRONG })));
    expect(codes).toEqual([...Array.from({ length: 5 }, () => 'INVALID_CREDENTIALS'), 'TOO_MANY_REQUESTS']);
    expect(codeOf(await login(server, ada.email, ada.password))).toBe('none');
  });

  it('BF-5 EN-1 gives the same answers for known and unknown e-mails at an address where the user is signed in', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.now() });
    const [ada, nobody] = [await signedInAtNewAddress(server), newCredentials('nobody')];
    for (let n = 0; n < 8; n += 1) for (const { email } of [ada, nobody]) await login(server, email, WRONG);
    for (let n = 0; n < 6; n += 1) {
      const known = await login(server, ada.email, WRONG, ada.home);
      const unknown = await login(server, nobody.email, WRONG, ada.home);
      expect(unknown.text).toBe(known.text);
    }
  });

  it('BF-5 EN-1 a device known to one account proves nothing for another', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.now() });
    const [ada, bob, nobody] = [
      await signedInAtNewAddress(server),
      await signedInAtNewAddress(server),
      newCredentials('nobody'),
    ];
    for (let n = 0; n < 8; n += 1) for (const { email } of [bob, nobody]) await login(server, email, WRONG);
    const known = await ada.browser.gql(LOGIN, { email: bob.email, password: WRONG });
    const unknown = await ada.browser.gql(LOGIN, { email: nobody.email, password: WRONG });
    expect(codeOf(known)).toBe('TOO_MANY_REQUESTS');
    expect(unknown.text).toBe(known.text);
  });

  it('counts wrong current passwords as well', async () => {
    const ada = await signedInAtNewAddress(server);
    const change = 'mutation ($current: String!) { changePassword(current: $current, next: "whatever comes next") }';
    const codes: string[] = [];
    for (let n = 0; n < 6; n += 1) codes.push(codeOf(await ada.browser.gql(change, { current: WRONG })));
    expect(codes).toEqual([...Array.from({ length: 5 }, () => 'INVALID_CREDENTIALS'), 'TOO_MANY_REQUESTS']);
  });
});

describe('one address', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ env: { ...PROXIED, THROTTLE_EXEMPT: '203.0.113.0/24' } });
  });
  afterAll(() => server.stop());

  /** Too long for a password: the attempt is counted and refused before any hashing. */
  const tryLogin = (address: string) => login(server, newCredentials().email, 'x'.repeat(300), address);

  it('BF-2 may fail ten times a minute, over any number of accounts, and is then refused even with a correct password', async () => {
    const ada = await signedInAtNewAddress(server);
    const codes: string[] = [];
    for (let n = 0; n < 11; n += 1)
      codes.push(codeOf(await login(server, newCredentials().email, WRONG, '192.0.2.50')));
    expect(codes).toEqual([...Array.from({ length: 10 }, () => 'INVALID_CREDENTIALS'), 'TOO_MANY_REQUESTS']);
    expect(codeOf(await login(server, ada.email, ada.password, '192.0.2.50'))).toBe('TOO_MANY_REQUESTS');
    await ada.browser.logout();
    await ada.browser.login(ada);
    expect(codeOf(await login(server, ada.email, ada.password, '192.0.2.51'))).toBe('none');
  });

  it('BF-2 may fail ten times, also with fifty-eight concurrent attempts', async () => {
    const attempts = Array.from({ length: 58 }, () => login(server, newCredentials().email, WRONG, '192.0.2.60'));
    const codes = (await Promise.all(attempts)).map(codeOf);
    expect(codes.filter((code) => code === 'INVALID_CREDENTIALS')).toHaveLength(10);
    expect(codes.filter((code) => code === 'TOO_MANY_REQUESTS')).toHaveLength(48);
  });

  it('is not limited when thirty users sign in at once', async () => {
    const people = await Promise.all(Array.from({ length: 30 }, () => signedInAtNewAddress(server)));
    const attempts = people.map(({ email, password }) => login(server, email, password, '192.0.2.61'));
    expect(new Set((await Promise.all(attempts)).map(codeOf))).toEqual(new Set(['none']));
  });

  it('BF-2 is counted by /64, /56 and /48: forty wrong logins for a /48, from any number of networks', async () => {
    const attempts = Array.from({ length: 120 }, (_, n) =>
      login(server, newCredentials().email, WRONG, `2001:db8:77:${n.toString(16)}ff::${n + 1}`),
    );
    const codes = (await Promise.all(attempts)).map(codeOf);
    expect(codes.filter((code) => code === 'INVALID_CREDENTIALS')).toHaveLength(40);
    expect(codes.filter((code) => code === 'TOO_MANY_REQUESTS')).toHaveLength(80);
    expect(codeOf(await login(server, newCredentials().email, WRONG, '2001:db8:78::1'))).toBe('INVALID_CREDENTIALS');
  });

  it('BF-2 has a limit of logins a minute, over any number of accounts; an IPv6 network counts as one', async () => {
    for (const pick of [() => '192.0.2.7', (n: number) => `2001:db8:0:1::${n.toString(16)}`]) {
      const answers: GqlResponse[] = [];
      for (let n = 0; n <= ADDRESS_LIMITS.login; n += 1) answers.push(await tryLogin(pick(n)));
      expect(new Set(answers.slice(0, -1).map(codeOf))).toEqual(new Set(['BAD_USER_INPUT']));
      expect(codeOf(answers.at(-1)!)).toBe('TOO_MANY_REQUESTS');
      expect(waitOf(answers.at(-1)!)).toBeGreaterThan(0);
      expect(waitOf(answers.at(-1)!)).toBeLessThanOrEqual(60);
    }
    expect(codeOf(await tryLogin('2001:db8:0:2::1'))).toBe('BAD_USER_INPUT');
  });

  it('is not limited if it is exempt', async () => {
    for (let n = 0; n <= ADDRESS_LIMITS.login; n += 1)
      expect(codeOf(await tryLogin('203.0.113.5'))).toBe('BAD_USER_INPUT');
  });
});

needs('redis')('two nodes with Redis', () => {
  let nodes: TestServer[];
  beforeAll(async () => {
    const shared = { ...PROXIED, REDIS_URL: findNeed('redis') ?? '' };
    nodes = await Promise.all([startServer({ env: shared }), startServer({ env: shared })]);
  });
  afterAll(() => Promise.all(nodes.map((node) => node.stop())));

  it('BF-1 count together', async () => {
    const email = newCredentials().email;
    const codes: string[] = [];
    for (let n = 0; n < 6; n += 1) codes.push(codeOf(await login(nodes[n % 2]!, email, WRONG)));
    expect(codes).toEqual([...Array.from({ length: 5 }, () => 'INVALID_CREDENTIALS'), 'TOO_MANY_REQUESTS']);
  });
});
