import { EncryptJWT, type JWTPayload } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TokenRevocations } from '../../../live/sessions/token-revocations.js';
import { MemoryRevocationStore } from '../../../live/store/memory/revocation.store.memory.js';
import { MemorySessionRevocations } from '../../../live/store/memory/session-revocations.memory.js';
import { Keyring } from '../../../live/tokens/keyring.js';
import { customerViewer } from '../customer-viewer.js';
import { SealedTokens } from './sealed-tokens.js';

const OLD = 'an-old-key-of-the-tests-that-is-long-enough-0';
const NEW = 'a-new-key-of-the-tests-that-is-long-enough-01';
const NOW = 1_700_000_000;
const viewer = customerViewer('demo.myshopify.com', '42');
const claims = { viewer, binding: { ua: 'x' } };
const issuer = 'https://app.example';

const revocations = new TokenRevocations(new MemoryRevocationStore(), new MemorySessionRevocations());

function tokensWith(keys: string[], from = issuer): SealedTokens {
  return new SealedTokens(new Keyring({ keys }), revocations, { ttlSeconds: 60, singleUse: false, issuer: from });
}
const tokens = tokensWith([NEW]);
const ring = new Keyring({ keys: [NEW] });
const sealing = ring.forPurpose('customer-token').current;

const HEADER = {
  alg: 'dir',
  enc: 'A256GCM',
  typ: 'sallyport-customer+jwt',
  kid: sealing.kid,
  shop: viewer.shop,
};
const PAYLOAD: JWTPayload = {
  iss: issuer,
  aud: `${issuer}/customer`,
  sub: viewer.id,
  iat: NOW,
  nbf: NOW,
  exp: NOW + 60,
  jti: 'one',
};

function forge(
  payload: Record<string, unknown>,
  header: Record<string, unknown> = HEADER,
  key: Uint8Array = sealing.key,
) {
  return new EncryptJWT(payload).setProtectedHeader(header as typeof HEADER).encrypt(key);
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1000 }));
afterEach(() => void vi.useRealTimers());

describe('a sealed token', () => {
  it('opens again, and reveals nothing to a reader of the page', async () => {
    const { token, expiresAt } = await tokens.seal(claims);
    expect(expiresAt.getTime()).toBe((NOW + 60) * 1000);
    expect(await tokens.open(token)).toMatchObject({ ok: true, claims, expiresAtMs: (NOW + 60) * 1000 });
    const readable = token.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'));
    expect(readable.join()).not.toMatch(/customer:|"42"/);
    expect(token).toMatch(/^[A-Za-z0-9_.-]+$/);
  });

  it('counts as issued after a revocation in the same millisecond, and expires in whole seconds', async () => {
    vi.setSystemTime(NOW * 1000 + 463);
    await revocations.revokeViewer(viewer.id);
    const { token, expiresAt } = await tokens.seal(claims);
    expect(await tokens.open(token)).toMatchObject({ ok: true, issuedAt: new Date(NOW * 1000 + 464) });
    expect(expiresAt.getTime()).toBe((NOW + 60) * 1000);
  });

  it('opens when it is built by hand, so that the refusals below have their own reasons', async () => {
    expect(await tokens.open(await forge(PAYLOAD))).toMatchObject({ ok: true });
  });

  it('TK-11: is different each time', async () => {
    const all = await Promise.all(Array.from({ length: 200 }, () => tokens.seal(claims)));
    expect(new Set(all.map(({ token }) => token.split('.')[2])).size).toBe(200);
  });

  it.each([
    [59_999, 'ok'],
    [60_000, 'expired'],
  ])('TK-6: %i ms after its creation the result is %s', async (ms, outcome) => {
    const { token } = await tokens.seal(claims);
    vi.setSystemTime(NOW * 1000 + ms);
    expect(await tokens.open(token)).toMatchObject(outcome === 'ok' ? { ok: true } : { ok: false, reason: outcome });
  });

  it('TK-7: is valid after a key rotation until its own key is removed', async () => {
    const { token } = await tokensWith([OLD]).seal(claims);
    expect(await tokensWith([NEW, OLD]).open(token)).toMatchObject({ ok: true });
    expect(await tokensWith([NEW]).open(token)).toEqual({ ok: false, reason: 'invalid' });
  });

  it('TK-4: a token of another deployment with the same keys is refused', async () => {
    const { token } = await tokensWith([NEW], 'https://staging.example').seal(claims);
    expect(await tokens.open(token)).toEqual({ ok: false, reason: 'invalid' });
  });
});

describe('claims that are sealed with the right key', () => {
  it.each<[string, Record<string, unknown>]>([
    ...(['iss', 'aud', 'sub', 'iat', 'nbf', 'exp', 'jti'] as const).map((name): [string, Record<string, unknown>] => [
      `no ${name}`,
      { ...PAYLOAD, [name]: undefined },
    ]),
    ['an account', { ...PAYLOAD, sub: 'user:6f1c3a52-7d7b-4f3e-9b1a-2f4c5d6e7f80' }],
    ["another shop's customer", { ...PAYLOAD, sub: 'customer:other.myshopify.com:42' }],
    ['no customer', { ...PAYLOAD, sub: 'customer:demo.myshopify.com:' }],
    ['a subject of another type', { ...PAYLOAD, sub: 42 }],
    ['a list of audiences without ours', { ...PAYLOAD, aud: [issuer] }],
    ['a long life', { ...PAYLOAD, exp: NOW + 61 }],
    ['an end in ms', { ...PAYLOAD, exp: (NOW + 60) * 1000 }],
    ['an end as text', { ...PAYLOAD, exp: String(NOW + 60) }],
    ['an endless end', { ...PAYLOAD, exp: 1e308 }],
    ['a start in the future', { ...PAYLOAD, iat: NOW + 6, nbf: NOW, exp: NOW + 60 }],
    ['not yet valid', { ...PAYLOAD, nbf: NOW + 6 }],
  ])('TK-5: a token with %s is refused', async (_, payload) => {
    const known = Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined));
    expect(await tokens.open(await forge(known))).toEqual({ ok: false, reason: 'invalid' });
  });
});

describe('a header', () => {
  it.each<[string, Record<string, unknown>, 'malformed' | 'invalid']>([
    ['another kind', { ...HEADER, typ: 'JWT' }, 'invalid'],
    ['an unknown key', { ...HEADER, kid: 'nobody' }, 'invalid'],
    ['__proto__ as key', { ...HEADER, kid: '__proto__' }, 'invalid'],
    ['a path as key', { ...HEADER, kid: '../../x' }, 'invalid'],
    ['an extra name', { ...HEADER, jku: 'https://evil.example' }, 'malformed'],
    ['a critical extension', { ...HEADER, crit: ['b64'] }, 'malformed'],
    ['another shop', { ...HEADER, shop: 'other.myshopify.com' }, 'invalid'],
  ])('TK-1, TK-2: a header with %s is refused', async (_, header, reason) => {
    const [, , ...sealed] = (await forge(PAYLOAD)).split('.');
    const text = [Buffer.from(JSON.stringify(header)).toString('base64url'), '', ...sealed].join('.');
    expect(await tokens.open(text)).toEqual({ ok: false, reason });
  });

  it('TK-1: PBES2 with a costly count is refused without work', async () => {
    const header = { alg: 'PBES2-HS512+A256KW', enc: 'A256GCM', typ: HEADER.typ, kid: HEADER.kid, shop: HEADER.shop };
    const [, , ...sealed] = (await forge(PAYLOAD)).split('.');
    const text = [Buffer.from(JSON.stringify(header)).toString('base64url'), '', ...sealed].join('.');
    expect(await tokens.open(text)).toEqual({ ok: false, reason: 'invalid' });
  });

  it.each(['JWT', 'sallyport-socket+jwt', 'SALLYPORT-CUSTOMER+JWT '])(
    'TK-3: a token with the right key and the type %j is refused',
    async (typ) => {
      expect(await tokens.open(await forge(PAYLOAD, { ...HEADER, typ }))).toEqual({ ok: false, reason: 'invalid' });
    },
  );

  it('TK-3: a token sealed with the key of another purpose is refused', async () => {
    expect(
      await tokens.open(await forge(PAYLOAD, HEADER, ring.forPurpose('customer-client').current.key)),
    ).toMatchObject({
      reason: 'invalid',
    });
  });
});

describe('text that only looks like a token', () => {
  it.each([0, 2, 3, 4])('TK-1: a flipped character in segment %i is refused', async (index) => {
    const parts = (await tokens.seal(claims)).token.split('.');
    const part = parts[index] ?? '';
    parts[index] = `${part.startsWith('A') ? 'B' : 'A'}${part.slice(1)}`;
    expect(await tokens.open(parts.join('.'))).toMatchObject({ ok: false });
  });

  it('TK-1: unused bits of the last character allow no second encoding', async () => {
    const { token } = await tokens.seal(claims);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const respelt = token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1) ?? '') + 1];
    expect(await tokens.open(respelt)).toEqual({ ok: false, reason: 'malformed' });
  });

  it.each(['', 'a.b.c', '....', 'a..b.c.d', ' ', 'x'.repeat(5000)])('%j is not a token', async (text) => {
    expect(await tokens.open(text)).toEqual({ ok: false, reason: 'malformed' });
  });

  it('TK-13: an oversized token is refused before any work', async () => {
    const started = performance.now();
    expect(await tokens.open(`a..${'A'.repeat(16)}.${'A'.repeat(1_000_000)}.${'A'.repeat(22)}`)).toMatchObject({
      ok: false,
    });
    expect(performance.now() - started).toBeLessThan(5);
  });
});
