import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hasCanonicalSignature, readTokenHeader, SOCKET_TOKEN_TYPE } from './token-header.js';

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function tokenWith(header: object): string {
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.e30.AA`;
}

it('accepts of all encodings of a signature only the one that its bytes are written as', () => {
  const text = fc.string({ unit: fc.constantFrom(...BASE64URL), minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(text, (signature) => {
      const isCanonical = Buffer.from(signature, 'base64url').toString('base64url') === signature;
      expect(hasCanonicalSignature(`e30.e30.${signature}`)).toBe(isCanonical);
    }),
    { numRuns: 5_000 },
  );
});

it('reads each header anew after others with another key or another type', () => {
  const kids = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb'];
  const token = (kid: string, typ = SOCKET_TOKEN_TYPE): string => tokenWith({ alg: 'HS256', typ, kid });
  for (const kid of [...kids, ...kids]) {
    expect(readTokenHeader(token(kid))).toEqual({ kid });
    expect(readTokenHeader(token(kid), 'other+jwt')).toBeNull();
    expect(readTokenHeader(token(kid, 'other+jwt'))).toBeNull();
    expect(readTokenHeader(token(kid, 'other+jwt'), 'other+jwt')).toEqual({ kid });
  }
});
