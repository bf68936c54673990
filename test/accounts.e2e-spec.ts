import { hash } from '@node-rs/argon2';
import { count, eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AccountChanges } from '../src/identity/sessions/account-changes.service.js';
import { PasswordHasher } from '../src/identity/accounts/password.hasher.js';
import { Database } from '../src/identity/database/database.js';
import { sessions, users } from '../src/identity/database/schema.js';
import { type Browser, type GqlResponse, newCredentials } from './kit/browser.js';
import { startServer, type TestServer } from './kit/server.js';

const LOGIN = 'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { id } }';
const REGISTER =
  'mutation ($email: String!, $password: String!) { register(email: $email, password: $password) { id email } }';
const CHANGE = 'mutation ($current: String!, $next: String!) { changePassword(current: $current, next: $next) }';
const WRONG = 'certainly not the password';
const QUIET = { USER_COUNT_INTERVAL_SECONDS: '3600', THROTTLE_EXEMPT: '127.0.0.1' };

let server: TestServer;
let database: Database;

beforeAll(async () => {
  server = await startServer({ env: QUIET });
  database = server.app.get(Database);
});
afterAll(() => server.stop());

const secretOf = (browser: Browser): string => [...browser.cookies.values()][0] ?? '';
const extensionsOf = (answer: GqlResponse) => answer.errors[0]?.extensions;
const headersOf = (answer: GqlResponse): string[][] =>
  [...answer.headers].filter(([name]) => !['date', 'x-request-id'].includes(name));

it('PW-6 a fresh installation has no account', async () => {
  const fresh = await startServer({ env: QUIET });
  const rows = await fresh.app.get(Database).run((orm) => orm.select({ accounts: count() }).from(users));
  await fresh.stop();
  expect(rows).toEqual([{ accounts: 0 }]);
});

describe('the cookie', () => {
  it('CK-1 CK-2 CK-3 on plain http has its own name, HttpOnly, Lax, the root path, no domain, and is not Secure', async () => {
    const answer = await server.browser().gql(REGISTER, { ...newCredentials() });
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^sallyport=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=2592000$/),
      expect.stringMatching(/^sallyport_device=[\w.-]{40,50}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=15552000$/),
    ]);
    expect(answer.headers.get('cache-control')).toContain('no-store');
  });

  it('CK-1 CK-5 on https is __Host- and Secure, and is cleared with the same attributes', async () => {
    const env = { ...QUIET, PUBLIC_URL: 'https://app.example', TRUSTED_PROXIES: '127.0.0.1' };
    const secure = await startServer({ env });
    const browser = secure.browser({ origin: 'https://app.example' });
    const headers = { 'content-type': 'application/json', 'x-forwarded-proto': 'https' };
    const post = (body: object) => browser.fetch('/graphql', { method: 'POST', headers, body: JSON.stringify(body) });
    const given = await post({ query: REGISTER, variables: newCredentials() });
    const taken = await post({ query: 'mutation { logout }' });
    await secure.stop();
    const attributes = 'Path=/; HttpOnly; SameSite=Lax; Secure';
    expect(given.headers.getSetCookie()).toEqual([
      expect.stringMatching(new RegExp(`^__Host-sallyport=[\\w-]{43}; ${attributes}; Max-Age=2592000$`)),
      expect.stringMatching(new RegExp(`^__Host-sallyport_device=[\\w.-]{40,50}; ${attributes}; Max-Age=15552000$`)),
    ]);
    expect(taken.headers.getSetCookie()).toEqual([
      `__Host-sallyport=; ${attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`,
    ]);
  });

  it('SE-1 SE-2 has 256 random bits; the database stores only their SHA-256, which grants no access', async () => {
    const ada = await server.signedIn();
    const secret = secretOf(ada.browser);
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    const rows = await database.run((orm) => orm.select().from(sessions).where(eq(sessions.userId, ada.id)));
    expect(JSON.stringify(rows)).not.toContain(secret);
    for (const stored of Object.values(rows[0] ?? {})) {
      const replay = server.browser();
      replay.cookies.set('sallyport', String(stored));
      expect(await replay.me()).toBeNull();
    }
  });

  it('CK-2 appears only in Set-Cookie', async () => {
    const ada = await server.signedIn();
    const documents = ['{ me { user { id email } token } }', '{ sessions { id userAgent ip } }', '{ nonsense }'];
    const bodies = await Promise.all(documents.map(async (document) => (await ada.browser.gql(document)).text));
    expect(bodies.join()).not.toContain(secretOf(ada.browser));
  });
});

describe('an e-mail', () => {
  it('EN-4 registers once in any spelling, also concurrently', async () => {
    const { email, password } = newCredentials();
    const spellings = [email, email.toUpperCase(), ` ${email} `, email.replace('@', '＠')];
    const answers = await Promise.all(
      spellings.map((spelling) => server.browser().gql(REGISTER, { email: spelling, password })),
    );
    expect(answers.filter((answer) => answer.data !== null)).toHaveLength(1);
    const codes = answers.flatMap((answer) => answer.errors.map((error) => error.extensions));
    expect(codes).toEqual(Array.from({ length: 3 }, () => ({ code: 'EMAIL_TAKEN', field: 'email' })));
    await server.browser().login({ email: spellings[3]!, password });
  });

  it('EN-3 that is taken is reported as taken, without signing in', async () => {
    const ada = await server.signedIn();
    const stranger = server.browser();
    const answer = await stranger.gql(REGISTER, { email: ada.email, password: 'correct horse battery' });
    expect(extensionsOf(answer)).toEqual({ code: 'EMAIL_TAKEN', field: 'email' });
    expect(stranger.cookies.size).toBe(0);
  });

  it.each(['', 'ada', '@example.org', 'ada@', `${'a'.repeat(300)}@example.org`])(
    'is refused as %j, by name',
    async (email) => {
      const answer = await server.browser().gql(REGISTER, { email, password: 'correct horse battery' });
      expect(extensionsOf(answer)).toEqual({ code: 'BAD_USER_INPUT', field: 'email' });
    },
  );
});

describe('changePassword', () => {
  it('refuses the current password as the new one, and changes nothing', async () => {
    const ada = await server.signedIn();
    const answer = await ada.browser.gql(CHANGE, { current: ada.password, next: ada.password });
    expect(extensionsOf(answer)).toEqual({ code: 'BAD_USER_INPUT', field: 'next' });
    expect(await ada.browser.me()).not.toBeNull();
  });
});

describe('signing in', () => {
  it('EN-1 unknown, wrong and disabled get the same bytes and headers', async () => {
    const [ada, bob] = [await server.signedIn(), await server.signedIn('bob')];
    await server.app.get(AccountChanges, { strict: false }).disable(bob.email);
    const attempts = [
      { email: newCredentials('nobody').email, password: WRONG },
      { email: 'no e-mail at all', password: WRONG },
      { email: ada.email, password: WRONG },
      { email: bob.email, password: WRONG },
      { email: bob.email, password: bob.password },
    ];
    const answers = await Promise.all(attempts.map((attempt) => server.browser().gql(LOGIN, attempt)));
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    expect(new Set(answers.map((answer) => JSON.stringify(headersOf(answer)))).size).toBe(1);
    expect(extensionsOf(answers[0]!)).toEqual({ code: 'INVALID_CREDENTIALS' });
  });

  it('EN-2 unknown, wrong and disabled cost one verification each, with the current parameters', async () => {
    const [ada, bob] = [await server.signedIn(), await server.signedIn('bob')];
    await server.app.get(AccountChanges, { strict: false }).disable(bob.email);
    const times: Record<string, number[]> = { unknown: [], wrong: [], disabled: [] };
    for (let round = 0; round < 15; round += 1) {
      const attempts = { unknown: newCredentials('nobody').email, wrong: ada.email, disabled: bob.email };
      for (const [kind, email] of Object.entries(attempts)) {
        const startedAt = performance.now();
        await server.app.get(PasswordHasher, { strict: false }).verify(await storedHash(email), WRONG);
        times[kind]!.push(performance.now() - startedAt);
      }
    }
    const medians = Object.values(times).map((samples) => samples.sort((a, b) => a - b)[7] ?? 0);
    // Without the hash the ratio would be about 0.01; load on the machine changes it by far less than half.
    expect(Math.min(...medians) / Math.max(...medians)).toBeGreaterThan(0.5);
  });

  async function storedHash(email: string): Promise<string | null> {
    const rows = await database.run((orm) => orm.select().from(users).where(eq(users.email, email)));
    return rows[0]?.passwordHash ?? null;
  }

  it('a disabled account has no sessions and cannot sign in until it is enabled', async () => {
    const ada = await server.signedIn();
    const changes = server.app.get(AccountChanges, { strict: false });
    expect(await changes.disable(ada.email)).toBe(1);
    expect(await ada.browser.me()).toBeNull();
    await changes.enable(ada.email);
    await ada.browser.login(ada);
    expect(await ada.browser.me()).not.toBeNull();
  });

  it('PW-4 replaces a hash with older parameters, and the password still works', async () => {
    const ada = await server.signedIn();
    const older = await hash(ada.password, { memoryCost: 9_216, timeCost: 2, parallelism: 1 });
    await database.run((orm) => orm.update(users).set({ passwordHash: older }).where(eq(users.id, ada.id)));
    await server.browser().login(ada);
    expect(await storedHash(ada.email)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    await server.browser().login(ada);
  });

  it('PW-4 replaces a hash with older parameters, and all of several concurrent sign-ins succeed', async () => {
    const ada = await server.signedIn();
    const older = await hash(ada.password, { memoryCost: 9_216, timeCost: 2, parallelism: 1 });
    await database.run((orm) => orm.update(users).set({ passwordHash: older }).where(eq(users.id, ada.id)));
    const { email, password } = ada;
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => server.browser().gql(LOGIN, { email, password })),
    );
    expect(answers.flatMap((answer) => answer.errors)).toEqual([]);
    expect(await storedHash(email)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  it('PW-5 two hundred concurrent sign-ins do not block other requests', async () => {
    const ada = await server.signedIn();
    const attempts = Array.from({ length: 200 }, () =>
      server.browser().gql(LOGIN, { email: newCredentials().email, password: WRONG }),
    );
    let answered = 0;
    for (const attempt of attempts) void attempt.then(() => (answered += 1));
    expect(await ada.browser.me()).not.toBeNull();
    expect(answered).toBeLessThan(200);
    for (const answer of await Promise.all(attempts)) {
      expect(['INVALID_CREDENTIALS', 'UNAVAILABLE']).toContain(extensionsOf(answer)?.code);
    }
  });

  it('PW-5 is refused when the queue is full, and works when it is empty again', async () => {
    const hasher = server.app.get(PasswordHasher, { strict: false });
    let empty = (): void => {};
    const emptied = new Promise<void>((resolve) => (empty = resolve));
    const attempts = Promise.allSettled(
      Array.from({ length: 200 }, () => hasher.admit({ known: false, network: '127.0.0.1' }, () => emptied)),
    );
    const refused = await server.browser().gql(LOGIN, { email: newCredentials().email, password: WRONG });
    empty();
    await attempts;
    const served = await server.browser().gql(LOGIN, { email: newCredentials().email, password: WRONG });
    expect([refused, served].map((answer) => extensionsOf(answer)?.code)).toEqual([
      'UNAVAILABLE',
      'INVALID_CREDENTIALS',
    ]);
  });
});

it('PW-3 a common password is refused on registration and on change', async () => {
  const ada = await server.signedIn();
  const registering = await server.browser().gql(REGISTER, { ...newCredentials(), password: 'Password2024!' });
  expect(extensionsOf(registering)).toEqual({ code: 'BAD_USER_INPUT', field: 'password' });
  const changing = await ada.browser.gql(CHANGE, { current: ada.password, next: 'qwertyuiop12' });
  expect(extensionsOf(changing)).toEqual({ code: 'BAD_USER_INPUT', field: 'next' });
});

it('PW-2 a password of 60,000 characters is refused without hashing', async () => {
  const hasher = server.app.get(PasswordHasher, { strict: false });
  const hashing = [vi.spyOn(hasher, 'hash'), vi.spyOn(hasher, 'verify')];
  const document = { email: 'ada@example.org', password: 'x'.repeat(60_000) };
  for (const mutation of [LOGIN, REGISTER]) {
    expect(extensionsOf(await server.browser().gql(mutation, document))).toEqual({
      code: 'BAD_USER_INPUT',
      field: 'password',
    });
  }
  for (const spy of hashing) {
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  }
});
