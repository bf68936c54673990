import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SealedTokens } from '../src/identity/app-proxy/token/sealed-tokens.js';
import { Keyring } from '../src/live/tokens/keyring.js';
import { TokenService } from '../src/live/tokens/token.service.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { customerViewer } from '../src/identity/app-proxy/customer-viewer.js';
import { accountViewer } from '../src/identity/sessions/account-viewer.js';
import { openSocket, type SocketClose } from '../src/testing/live-socket.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';

const CANARY = 'canary-password-4711';

describe('an invalid token', () => {
  let server: TestServer;
  let ada: SignedIn;
  beforeAll(async () => {
    server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } });
    ada = await server.signedIn();
  });
  afterAll(() => server.stop());

  async function closing(token: unknown): Promise<SocketClose> {
    const socket = await openSocket(server.url);
    socket.send({ type: 'connection_init', payload: { token } });
    return socket.waitForClose();
  }

  it('TK-12 is always refused with the same code and reason', async () => {
    const token = await ada.browser.token();
    const config = { ttlSeconds: 60, singleUse: false, issuer: server.url };
    const viewer = accountViewer(ada.id, randomUUID());
    const foreign = new TokenService(new Keyring({ keys: [randomUUID() + randomUUID()] }), config);
    const own = server.app.get(TokenService, { strict: false });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 120_000 });
    const expired = own.sign(viewer, 60).token;
    vi.useRealTimers();
    expect(own.read(expired)).toEqual({ ok: false, reason: 'expired' });
    const elsewhere = new TokenService(server.app.get(Keyring, { strict: false }), {
      ...config,
      issuer: 'https://x.example',
    });
    const sealed = await server.app
      .get(SealedTokens, { strict: false })
      .seal({ viewer: customerViewer('demo.myshopify.com', '7'), binding: {} });
    const wrong: Record<string, unknown> = {
      missing: undefined,
      malformed: 'let me in',
      'too long': 'x'.repeat(5_000),
      tampered: `${token.slice(0, -2)}${token.at(-2) === 'A' ? 'B' : 'A'}${token.slice(-1)}`,
      'of another key': foreign.sign(viewer).token,
      'of another deployment': elsewhere.sign(viewer).token,
      expired,
      'of a kind that is off here': sealed.token,
    };
    const closes: Record<string, SocketClose> = {};
    for (const [name, text] of Object.entries(wrong)) closes[name] = await closing(text);
    const same = { code: CloseCode.Forbidden, reason: 'Forbidden' };
    expect(closes).toEqual(Object.fromEntries(Object.keys(wrong).map((name) => [name, same])));
  });
});

describe.each(['production', 'test'])('where NODE_ENV is %s', (environment) => {
  let server: TestServer;
  beforeAll(async () => {
    const env = { NODE_ENV: environment, USER_COUNT_INTERVAL_SECONDS: '3600', SECRET_KEYS: KEY };
    server = await startServer({ env });
  });
  afterAll(() => server.stop());

  const KEY = Buffer.from(randomUUID() + randomUUID()).toString('base64url');

  it.each([
    ['a syntax error', `{ login(password: "${CANARY}" "${CANARY}" `, {}],
    ['an unclosed string', `{ login(password: "${CANARY}`, {}],
    ['a wrong type', `{ login(password: {a: "${CANARY}"}) { id } }`, {}],
    ['an unknown field', `{ ${CANARY.replaceAll('-', '_')} }`, {}],
    ['an unknown argument', `mutation { login(passwort: "${CANARY}") { id } }`, {}],
    [
      'a variable of a wrong type',
      'mutation ($p: String!) { login(email: "a", password: $p) { id } }',
      { p: [CANARY] },
    ],
    ['an undeclared variable', 'mutation { login(email: "a", password: $p) { id } }', { p: CANARY }],
  ])('LK-2 the error repeats nothing of %s, on HTTP and on the socket', async (_, query, variables) => {
    const ada = await server.signedIn();
    const answer = await ada.browser.gql(query, variables);
    const socket = await ada.socket();
    socket.send({ id: '1', type: 'subscribe', payload: { query, variables } });
    const frames = await socket.settled();
    await socket.close();
    expect(answer.errors.length).toBeGreaterThan(0);
    for (const text of [answer.text, JSON.stringify(frames)]) {
      expect(text).not.toContain(CANARY);
      expect(text).not.toMatch(/node_modules|\.ts:|stacktrace/);
    }
  });
});
