import { createHmac, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { accountViewer } from '../../identity/sessions/account-viewer.js';
import { Keyring } from './keyring.js';
import { TokenService } from './token.service.js';

const ISSUER = 'https://app.example';
const OLD_SECRET = 'an-old-secret-of-more-than-32-bytes-0123456789';
const NEW_SECRET = 'a-new-secret-of-more-than-32-bytes-9876543210';
const NOW = new Date('2030-01-01T00:00:00Z');
const NOW_SECONDS = NOW.getTime() / 1000;
const viewer = accountViewer(randomUUID(), randomUUID());

function serviceWith(...keys: string[]): TokenService {
  return new TokenService(new Keyring({ keys }), { ttlSeconds: 60, singleUse: false, issuer: ISSUER });
}

const tokens = serviceWith(NEW_SECRET);
const { kid, key } = new Keyring({ keys: [NEW_SECRET] }).forPurpose('socket-token').current;
const HEADER = { alg: 'HS256', typ: 'sallyport-socket+jwt', kid };
const CLAIMS = {
  iss: ISSUER,
  aud: ISSUER,
  sub: viewer.id,
  sid: viewer.sessionId,
  jti: 'a-token-id-of-22-chars',
  iat: NOW_SECONDS,
  nbf: NOW_SECONDS,
  exp: NOW_SECONDS + 60,
};

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token signed with the real key, whatever stands in it. */
function forge(header: unknown, claims: unknown, hash = 'sha256', secret: Buffer | string = key): string {
  const body = `${encode(header)}.${encode(claims)}`;
  return `${body}.${createHmac(hash, secret).update(body).digest('base64url')}`;
}

function without(claim: keyof typeof CLAIMS): object {
  return Object.fromEntries(Object.entries(CLAIMS).filter(([name]) => name !== claim));
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: NOW }));
afterEach(() => void vi.useRealTimers());

describe('a token of this server', () => {
  it('verifies with its viewer, session and expiry', () => {
    const { token, expiresAt } = tokens.sign(viewer);
    expect(expiresAt).toEqual(new Date(NOW.getTime() + 60_000));
    expect(tokens.read(token)).toEqual({
      ok: true,
      claims: {
        viewerId: viewer.id,
        sessionId: viewer.sessionId,
        tokenId: expect.stringMatching(/^[\w-]{22}$/) as string,
        issuedAt: new Date(NOW_SECONDS * 1000),
        expiresAtSeconds: NOW_SECONDS + 60,
      },
    });
  });

  it('has its own type, one algorithm, a key id and a unique id', () => {
    const [first, second] = [tokens.sign(viewer).token, tokens.sign(viewer).token];
    expect(JSON.parse(Buffer.from(first.split('.')[0]!, 'base64url').toString())).toEqual(HEADER);
    expect(first).not.toBe(second);
  });

  it('is valid in its last second and expired in the next', () => {
    const { token } = tokens.sign(viewer);
    vi.setSystemTime(NOW.getTime() + 59_999);
    expect(tokens.read(token).ok).toBe(true);
    vi.setSystemTime(NOW.getTime() + 60_000);
    expect(tokens.read(token)).toEqual({ ok: false, reason: 'expired' });
  });

  it('TK-7 is valid after a key rotation until its key is removed', () => {
    const { token } = serviceWith(OLD_SECRET).sign(viewer);
    expect(serviceWith(NEW_SECRET, OLD_SECRET).read(token).ok).toBe(true);
    expect(serviceWith(NEW_SECRET).read(token)).toEqual({ ok: false, reason: 'invalid' });
  });

  it('TK-4 is refused by another deployment with the same secret', () => {
    const other = new TokenService(new Keyring({ keys: [NEW_SECRET] }), {
      ttlSeconds: 60,
      singleUse: false,
      issuer: 'https://staging.example',
    });
    expect(other.read(tokens.sign(viewer).token)).toEqual({ ok: false, reason: 'invalid' });
  });
});

describe('a token of another kind', () => {
  const good = forge(HEADER, CLAIMS);
  const [header = '', payload = '', signature = ''] = good.split('.');
  const flipped = (segment: string): string => (segment.startsWith('A') ? 'B' : 'A') + segment.slice(1);
  const twin = signature.slice(0, -1) + String.fromCharCode(signature.charCodeAt(signature.length - 1) + 1);

  it.each([
    ['TK-1 alg none', forge({ ...HEADER, alg: 'none' }, CLAIMS)],
    ['TK-1 alg nOnE without a signature', `${encode({ ...HEADER, alg: 'nOnE' })}.${payload}.`],
    ['TK-1 HS512 with the same key', forge({ ...HEADER, alg: 'HS512' }, CLAIMS, 'sha512')],
    ['TK-1 RS256', forge({ ...HEADER, alg: 'RS256' }, CLAIMS)],
    ['TK-1 a fourth segment', `${good}.e30`],
    ['TK-1 a missing segment', `${header}.${payload}`],
    ['TK-1 white space', `${good}\n`],
    ['TK-1 padding', `${good}=`],
    ['TK-1 a signature in another spelling', `${header}.${payload}.${twin}`],
    ['TK-2 crit', forge({ ...HEADER, crit: ['exp'] }, CLAIMS)],
    ['TK-2 jwk', forge({ ...HEADER, jwk: { kty: 'oct', k: 'AAAA' } }, CLAIMS)],
    ['TK-2 jku', forge({ ...HEADER, jku: 'https://evil.example' }, CLAIMS)],
    ['TK-2 kid that is a path', forge({ ...HEADER, kid: '../../x' }, CLAIMS)],
    ['TK-2 kid that is a list', forge({ ...HEADER, kid: [kid] }, CLAIMS)],
    ['TK-2 empty kid', forge({ ...HEADER, kid: '' }, CLAIMS)],
    ['TK-2 no kid', forge({ alg: HEADER.alg, typ: HEADER.typ }, CLAIMS)],
    ['TK-3 another type', forge({ ...HEADER, typ: 'JWT' }, CLAIMS)],
    ['TK-13 a megabyte', 'a'.repeat(1_000_000)],
    ['a header that is no object', forge('[]', CLAIMS)],
    ['nothing', ''],
  ])('%s is refused as malformed before its signature is checked', (_name, token) => {
    expect(tokens.read(token)).toEqual({ ok: false, reason: 'malformed' });
  });

  it.each([
    ['TK-1 a changed payload', `${header}.${flipped(payload)}.${signature}`],
    ['TK-1 a changed signature', `${header}.${payload}.${flipped(signature)}`],
    [
      'TK-1 a truncated signature',
      `${header}.${payload}.${Buffer.from(signature, 'base64url').subarray(0, 16).toString('base64url')}`,
    ],
    ['TK-2 an unknown kid', forge({ ...HEADER, kid: 'AAAAAAAAAAAA' }, CLAIMS)],
    ['TK-2 a kid that objects inherit', forge({ ...HEADER, kid: 'constructor_' }, CLAIMS)],
    ['TK-3 the secret itself as the key', forge(HEADER, CLAIMS, 'sha256', NEW_SECRET)],
    ['TK-4 another issuer', forge(HEADER, { ...CLAIMS, iss: `${ISSUER}.evil` })],
    ['TK-4 another audience', forge(HEADER, { ...CLAIMS, aud: 'https://other.example' })],
    ['TK-4 a list of audiences', forge(HEADER, { ...CLAIMS, aud: [ISSUER] })],
    ['TK-5 no exp', forge(HEADER, without('exp'))],
    ['TK-5 no iat', forge(HEADER, without('iat'))],
    ['TK-5 no nbf', forge(HEADER, without('nbf'))],
    ['TK-5 no jti', forge(HEADER, without('jti'))],
    ['TK-5 no sid', forge(HEADER, without('sid'))],
    ['TK-5 no sub', forge(HEADER, without('sub'))],
    ['TK-5 exp as text', forge(HEADER, { ...CLAIMS, exp: String(CLAIMS.exp) })],
    ['TK-5 exp at the end of time', forge(HEADER, encodeRaw({ exp: '1e308' }))],
    ['TK-5 exp in milliseconds', forge(HEADER, { ...CLAIMS, exp: CLAIMS.exp * 1000 })],
    ['TK-5 a negative exp', forge(HEADER, { ...CLAIMS, exp: -1 })],
    ['TK-5 exp that is null', forge(HEADER, { ...CLAIMS, exp: null })],
    ['TK-5 a life of more than an hour', forge(HEADER, { ...CLAIMS, exp: NOW_SECONDS + 3_601 })],
    ['TK-5 sub that is a number', forge(HEADER, { ...CLAIMS, sub: 42 })],
    ['TK-5 sub that is an object', forge(HEADER, { ...CLAIMS, sub: {} })],
    ['TK-5 sid that is no session', forge(HEADER, { ...CLAIMS, sid: "' or 1=1 --" })],
    ['TK-6 iat six seconds ahead', forge(HEADER, { ...CLAIMS, iat: NOW_SECONDS + 6 })],
    ['TK-6 nbf six seconds ahead', forge(HEADER, { ...CLAIMS, nbf: NOW_SECONDS + 6 })],
    ['claims that are no object', forge(HEADER, '"claims"')],
  ])('%s is refused as invalid', (_name, token) => {
    expect(tokens.read(token)).toEqual({ ok: false, reason: 'invalid' });
  });

  it('TK-6 accepts a token from a node whose clock is five seconds ahead', () => {
    expect(tokens.read(forge(HEADER, { ...CLAIMS, iat: NOW_SECONDS + 5, nbf: NOW_SECONDS + 5 })).ok).toBe(true);
  });

  it('reports expired only for a token that is otherwise valid', () => {
    const expired = { ...CLAIMS, iat: NOW_SECONDS - 120, exp: NOW_SECONDS - 60 };
    expect(tokens.read(forge(HEADER, expired))).toEqual({ ok: false, reason: 'expired' });
    expect(tokens.read(forge(HEADER, expired, 'sha256', 'another key'))).toEqual({ ok: false, reason: 'invalid' });
    expect(tokens.read(forge(HEADER, { ...expired, aud: 'other' }))).toEqual({ ok: false, reason: 'invalid' });
  });
});

describe('the keyring', () => {
  it('TK-3 derives different keys for different purposes', () => {
    const keyring = new Keyring({ keys: [NEW_SECRET] });
    const [one, other] = [keyring.forPurpose('socket-token').current, keyring.forPurpose('another').current];
    expect(one.key.equals(other.key)).toBe(false);
    expect(one.kid).not.toBe(other.kid);
  });
});

/** Claims as JSON text in which some values stand raw. */
function encodeRaw(raw: Record<string, string>): string {
  const rest = JSON.stringify({ ...CLAIMS, ...Object.fromEntries(Object.keys(raw).map((name) => [name, undefined])) });
  return `${rest.slice(0, -1)},${Object.entries(raw)
    .map(([name, value]) => `"${name}":${value}`)
    .join()}}`;
}
