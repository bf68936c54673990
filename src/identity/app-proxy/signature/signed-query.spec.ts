import { describe, expect, it } from 'vitest';
import { signQuery } from '../../../../test/kit/shop-signature.js';
import { verifySignedQuery } from './signed-query.js';

const STORE = 'shop=some-random-store.myshopify.com&path_prefix=%2Fapps%2Fmy-app&timestamp=1466106083';
const REVIEWS = 'path_prefix=%2Fapps%2Fawesome_reviews&shop=shop-name.myshopify.com&timestamp=1317327555';
const DEMO = 'logged_in_customer_id=&path_prefix=%2Fapps%2Frt&shop=demo.myshopify.com&timestamp=1700000000';

const VECTORS: readonly [name: string, secret: string, query: string, signature: string][] = [
  [
    'the documentation: a repeated name, a customer',
    'hush',
    `extra=1&extra=2&logged_in_customer_id=1&${REVIEWS}`,
    '4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb',
  ],
  [
    'the documentation: nobody logged in',
    'hush',
    `extra=1&extra=2&logged_in_customer_id=&${REVIEWS}`,
    'e072b6d7e6622d85912a5214b860d3100dc1e73d9bc29f43796ac8c9ff8093cb',
  ],
  ['no customer parameter', 'secret', STORE, 'f5cd7233558b1c50102a6f33c0b63ad1e1072a2fc126cb58d4500f75223cefcd'],
  [
    'brackets and a name without a value',
    'secret',
    `${STORE}&foo=bar&baz[1]&baz[2]=b&baz[c[0]]=whatup&baz[c[1]]=notmuch`,
    'bbf3aa60e098f08919a2ea4c64a388414f164e6a117a63b03479ac7aa9464b4f',
  ],
  ['nothing of the visitor', 'hush', DEMO, '5b0dc85629d81f9840e9e4e007d9ae52f32e8aa5499693dc762b40743c860e2b'],
  [
    'mixed case, sorted bytewise',
    'hush',
    `${DEMO}&consentGiven=1&consented=2`,
    '34889ccaf563eb1a92d2eac5d96f673844f610f983f390bf578c5a828b2a2e68',
  ],
  [
    'a name that begins another, sorted as whole texts',
    'hush',
    `${DEMO}&a=1&a1=2`,
    'da22e9c97ebdb22be18326110152374dadfdca20779b0f40401aa388ba742b96',
  ],
  [
    'UTF-8, a plus, a comma',
    'hush',
    `${DEMO}&name=J%C3%BCrgen+M&x=1%2C2`,
    '01b6b0a6a943d2fdaea11e53cccc0f64ec05d307002974d0792ab5b0532de06a',
  ],
];

const REFUSED: readonly [name: string, secret: string, query: string, reason: string][] = [
  ['no signature', 'hush', DEMO, 'missing'],
  ['an empty query', 'hush', '', 'missing'],
  ['an added parameter', 'secret', `${STORE}&evil=1&signature=${VECTORS[2]?.[3]}`, 'invalid'],
  ['an altered first byte', 'hush', `${DEMO}&signature=${'00' + VECTORS[4]?.[3].slice(2)}`, 'invalid'],
  ['another secret', 'hushhush', `${DEMO}&signature=${VECTORS[4]?.[3]}`, 'invalid'],
  [
    'the order of localeCompare',
    'hush',
    `${DEMO}&consentGiven=1&consented=2&signature=fe0e46390d9269ef1ad16fabe1608ae8a74ca803be8a92c1adf3e653d185009f`,
    'invalid',
  ],
  [
    'the order of names alone',
    'hush',
    `${DEMO}&a=1&a1=2&signature=65357fca72ecbf465d0f9ffe2f88f326e50ad8bbb7853afb9c6c6d16293b9a8d`,
    'invalid',
  ],
  ['two signatures', 'hush', `${DEMO}&signature=${VECTORS[4]?.[3]}&signature=${VECTORS[4]?.[3]}`, 'malformed'],
  ['capitals', 'hush', `${DEMO}&signature=${VECTORS[4]?.[3].toUpperCase()}`, 'malformed'],
  ['a cut signature', 'hush', `${DEMO}&signature=${VECTORS[4]?.[3].slice(0, 62)}`, 'malformed'],
  ['a newline behind it', 'hush', `${DEMO}&signature=${VECTORS[4]?.[3]}%0A`, 'malformed'],
  ['an oversized query', 'hush', `${DEMO}&x=${'a'.repeat(9000)}&signature=${VECTORS[4]?.[3]}`, 'malformed'],
  ['too many parameters', 'hush', `${DEMO}${'&x'.repeat(300)}&signature=${VECTORS[4]?.[3]}`, 'malformed'],
];

describe('AP-1: the signature over the raw query', () => {
  it.each(VECTORS)('verifies %s', (_, secret, query, signature) => {
    expect(signQuery(new URLSearchParams(query), secret)).toBe(signature);
    expect(verifySignedQuery(`signature=${signature}&${query}`, secret)).toMatchObject({ ok: true, signature });
  });

  it.each(REFUSED)('refuses %s', (_, secret, query, reason) => {
    expect(verifySignedQuery(query, secret)).toEqual({ ok: false, reason });
  });

  it('sorts by UTF-8 bytes, not by UTF-16 units', () => {
    const query = new URLSearchParams([
      ['\u{1F600}', '1'],
      ['\uFB01', '2'],
    ]);
    const verdict = verifySignedQuery(`${query.toString()}&signature=${signQuery(query, 'hush')}`, 'hush');
    expect(verdict).toMatchObject({ ok: true, canonical: '\uFB01=2\u{1F600}=1' });
  });
});
