import { type CryptoKey, generateKeyPair, SignJWT } from 'jose';
import { createSign, generateKeyPairSync, webcrypto } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isSignedBy } from './jws-signature.js';
import { ASYMMETRIC_ALGORITHMS } from './trusted-issuer.js';

describe.each(ASYMMETRIC_ALGORITHMS)('TK-14 a signature with %s', (alg) => {
  it('verifies as jose creates it, with its own key and text only', async () => {
    const [pair, other] = await Promise.all([generateKeyPair(alg), generateKeyPair(alg)]);
    const token = await new SignJWT({ sub: '1' }).setProtectedHeader({ alg }).sign(pair.privateKey);
    const [header = '', payload = '', signature = ''] = token.split('.');
    expect(isSignedBy(token, alg, pair.publicKey)).toBe(true);
    expect(isSignedBy(token, alg, other.publicKey)).toBe(false);
    expect(isSignedBy(`${header}.${payload}A.${signature}`, alg, pair.publicKey)).toBe(false);
    expect(isSignedBy(`${header}.${payload}.`, alg, pair.publicKey)).toBe(false);
    expect(isSignedBy(`${header}.${payload}.${signature.slice(0, -8)}`, alg, pair.publicKey)).toBe(false);
    expect(isSignedBy(token, alg, pair.privateKey)).toBe(false);
  });
});

it('TK-14 a signature in another spelling of the same bytes does not verify', async () => {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
  // The last of the 342 characters has four unused bits.
  const other = token.slice(0, -1) + String.fromCodePoint(token.codePointAt(token.length - 1)! + 1);
  expect(Buffer.from(other.split('.')[2]!, 'base64url')).toEqual(Buffer.from(token.split('.')[2]!, 'base64url'));
  expect(isSignedBy(other, 'RS256', publicKey)).toBe(false);
});

it.each(['none', 'HS256', 'constructor', '__proto__', ''])(
  'TK-14 no signature with the algorithm %j verifies',
  async (alg) => {
    const { publicKey, privateKey } = await generateKeyPair('RS256');
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
    expect(isSignedBy(token, alg, publicKey)).toBe(false);
  },
);

it('TK-14 an RSA key of 1,024 bits verifies nothing', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const jwk = publicKey.export({ format: 'jwk' });
  const scheme = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const key = (await webcrypto.subtle.importKey('jwk', jwk, scheme, true, ['verify'])) as CryptoKey;
  const signature = createSign('sha256').update('a.b').sign(privateKey, 'base64url');
  expect(isSignedBy(`a.b.${signature}`, 'RS256', key)).toBe(false);
});
