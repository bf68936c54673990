import fc from 'fast-check';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { expect, it } from 'vitest';
import { isCompactJws, readUnverified, type UnverifiedToken } from './issuer-token.js';

/** What jose reads, which decides what a token says. */
function readByJose(token: string): UnverifiedToken | null {
  try {
    return isCompactJws(token) ? { header: decodeProtectedHeader(token), payload: decodeJwt(token) } : null;
  } catch {
    return null;
  }
}

const encode = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64url');

/** The text with spaces up to a multiple of three bytes. */
function toThirds(text: string): string {
  return text + ' '.repeat((3 - (Buffer.byteLength(text) % 3)) % 3);
}

/** JSON of every kind, text that is none, bytes that are no UTF-8, and letters that are no base64url. */
const part = fc.oneof(
  fc.object().map((value) => encode(JSON.stringify(value))),
  fc.jsonValue().map((value) => encode(JSON.stringify(value))),
  fc.object().map((value) => encode(`\ufeff ${JSON.stringify(value)}\n`)),
  fc
    .uint8Array({ min: 1, max: 255, minLength: 1, maxLength: 4 })
    .map((bytes) => encode(Buffer.concat([Buffer.from('{"a":"'), bytes, Buffer.from('"}')]))),
  // Whole groups of four letters, and one letter more.
  fc.object().map((value) => `${encode(toThirds(JSON.stringify(value)))}A`),
  fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/),
  fc.constantFrom(
    '',
    'e30',
    'e31',
    'e30A',
    'e30AA',
    'e30=',
    'eyJfX3Byb3RvX18iOnsiYWxnIjoiUlMyNTYifX0',
    'bnVsbA',
    'W10',
  ),
  fc.string(),
);

it('TK-14 an unverified token is read as jose reads it', () => {
  fc.assert(
    fc.property(
      part,
      part,
      fc.constantFrom('AA', ''),
      fc.constantFrom('', '.AA'),
      (header, payload, signature, more) => {
        const token = `${header}.${payload}.${signature}${more}`;
        expect(readUnverified(token)).toStrictEqual(readByJose(token));
      },
    ),
    { numRuns: 2_000 },
  );
});

it.each([
  ['a payload', 'e30.eyJzdWIiOiIxIn0.AA', { header: {}, payload: { sub: '1' } }],
  ['a lone letter at the end', `e30.${encode('{"a":12 }')}A.AA`, null],
  ['text that is no UTF-8', `e30.${encode(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))}.AA`, null],
  ['a list', 'e30.W10.AA', null],
  ['null', 'bnVsbA.e30.AA', null],
])('TK-14 %s is read, or the token is refused', (_, token, read) => {
  expect(readUnverified(token)).toEqual(read);
});
