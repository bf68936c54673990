import { describe, expect, it } from 'vitest';
import { signQuery } from '../../../../test/kit/shop-signature.js';
import { readProxyVisit } from './proxy-visit.js';

const NOW_SECONDS = 1_700_000_000;
const rules = { secret: 'hush', shops: new Set(['demo.myshopify.com']), nowMs: NOW_SECONDS * 1000 + 999 };

type Parameters = readonly [string, string][];
const WHOLE: Parameters = [
  ['shop', 'demo.myshopify.com'],
  ['path_prefix', '/apps/live'],
  ['timestamp', String(NOW_SECONDS)],
  ['logged_in_customer_id', '42'],
];

function read(parameters: Parameters, secret = 'hush') {
  const query = new URLSearchParams(parameters);
  return readProxyVisit(`${query.toString()}&signature=${signQuery(query, secret)}`, rules);
}

function changed(name: string, value: string): Parameters {
  return [...WHOLE.filter(([known]) => known !== name), [name, value]];
}

describe('a proxied request', () => {
  it('AP-1: is refused for its signature before anything else is checked', () => {
    expect(read(changed('shop', 'evil.myshopify.com'), 'wrong')).toEqual({ ok: false, reason: 'invalid' });
  });

  it('returns shop, path and customer', () => {
    expect(read([...WHOLE, ['page', '2']])).toMatchObject({
      ok: true,
      visit: { shop: 'demo.myshopify.com', pathPrefix: '/apps/live', customerId: '42' },
    });
  });

  it.each([[changed('logged_in_customer_id', '')], [WHOLE.slice(0, 3)]])(
    'AP-6: has no customer if the visitor is not logged in',
    (parameters) => {
      expect(read(parameters)).toMatchObject({ ok: true, visit: { customerId: null } });
    },
  );

  it.each(['shop', 'path_prefix', 'timestamp', 'logged_in_customer_id', 'hmac'])('AP-2: refuses two %s', (name) => {
    const value = WHOLE.find(([known]) => known === name)?.[1] ?? 'x';
    const twice: Parameters = [...changed(name, value), [name, value]];
    expect(read(twice)).toEqual({ ok: false, reason: 'ambiguous' });
  });

  it.each(['shop', 'path_prefix', 'timestamp'])('AP-2: refuses a request without %s', (name) => {
    expect(read(WHOLE.filter(([known]) => known !== name)).ok).toBe(false);
  });

  it.each(['042', '0', '-1', ' 42', '4.2e1', '٤٢', '42:43', '4*', '42\n', '123456789012345678901'])(
    'AP-2, AP-7: refuses the customer id %j',
    (id) => {
      expect(read(changed('logged_in_customer_id', id))).toEqual({ ok: false, reason: 'malformed' });
    },
  );

  it.each([
    '',
    '/',
    'apps/live',
    '//evil.example',
    '/apps/../x',
    '/apps/"x',
    '/apps/{{x}}',
    '/a b',
    `/${'a'.repeat(128)}`,
  ])('AP-2: refuses the path prefix %j', (prefix) => {
    expect(read(changed('path_prefix', prefix))).toEqual({ ok: false, reason: 'malformed' });
  });

  it.each(['evil.myshopify.com', 'DEMO.myshopify.com', 'demo.myshopify.com.', 'demo.myshopify.com.evil.example', ''])(
    'AP-2: refuses the shop %j',
    (shop) => {
      expect(read(changed('shop', shop))).toEqual({ ok: false, reason: 'unknown-shop' });
    },
  );

  it.each(['', 'NaN', 'Infinity', '-Infinity', '123.45', '1.7e9', ' 1700000000 ', '0x6553f100', '170000000000'])(
    'AP-3: refuses the timestamp %j',
    (timestamp) => {
      expect(read(changed('timestamp', timestamp))).toEqual({ ok: false, reason: 'malformed' });
    },
  );

  it.each([
    [89, true],
    [90, true],
    [91, false],
    [-89, true],
    [-90, true],
    [-91, false],
  ])('AP-3: whether a request %i seconds old is valid: %s', (age, fresh) => {
    const verdict = read(changed('timestamp', String(NOW_SECONDS - age)));
    expect(verdict).toMatchObject(fresh ? { ok: true } : { ok: false, reason: 'stale' });
  });
});

describe('AP-2: the text without delimiters', () => {
  const FIXED: Parameters = [
    ['path_prefix', '/apps/live'],
    ['shop', 'demo.myshopify.com'],
    ['timestamp', String(NOW_SECONDS)],
  ];
  const asVisited: Parameters = [['a', '1logged_in_customer_id=42m='], ['logged_in_customer_id', ''], ...FIXED];
  const recut: readonly Parameters[] = [
    [['a', '1'], ['logged_in_customer_id', '42'], ['m', 'logged_in_customer_id='], ...FIXED],
    [['a', '1'], ['logged_in_customer_id', '42'], ['m=logged_in_customer_id', ''], ...FIXED],
  ];

  it('refuses the query of an anonymous visitor who tries to be customer 42', () => {
    expect(read(asVisited)).toEqual({ ok: false, reason: 'ambiguous' });
  });

  it.each(recut.map((parameters) => [parameters]))(
    'refuses the same signature with the text split differently: %j',
    (parameters) => {
      const sign = (all: Parameters) => signQuery(new URLSearchParams(all), 'hush');
      expect(sign(parameters)).toBe(sign(asVisited));
      expect(read(parameters)).toEqual({ ok: false, reason: 'ambiguous' });
    },
  );

  it('refuses a reserved word at the end of a name', () => {
    expect(read([['logged_in_customer_id', '42'], ['mlogged_in_customer_id', ''], ...FIXED])).toMatchObject({
      ok: false,
    });
  });

  it('refuses a reserved word that is split over two parameters', () => {
    expect(read([['logged_in_customer_id', '42'], ['m', 'logged_in_cust'], ['omer_id', ''], ...FIXED])).toMatchObject({
      ok: false,
    });
  });

  it('refuses a second shop hidden after the first', () => {
    expect(read([...WHOLE, ['smshop', 'other.myshopify.com']])).toEqual({ ok: false, reason: 'ambiguous' });
  });

  it.each(['shop[]', 'shop[0]', 'timestamp[a]', 'signature[]'])(
    'refuses %s, which some parsers treat as the parameter',
    (name) => {
      expect(read([...WHOLE, [name, 'x']])).toEqual({ ok: false, reason: 'ambiguous' });
    },
  );

  it('accepts other brackets without interpreting them', () => {
    expect(read([...WHOLE, ['a[__proto__]', '1'], ['__proto__', '2']])).toMatchObject({ ok: true });
  });
});
