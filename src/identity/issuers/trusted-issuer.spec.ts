import { expect, it } from 'vitest';
import { ASYMMETRIC_ALGORITHMS, parseTrustedIssuers } from './trusted-issuer.js';

const ACME = { source: 'acme', issuer: 'https://id.example/realms/acme', audience: 'sallyport' };
const faultsOf = (value: unknown): readonly string[] => {
  const parsed = parseTrustedIssuers(typeof value === 'string' ? value : JSON.stringify(value));
  return parsed.ok ? [] : parsed.faults;
};

it('parses several issuers, with defaults for what each omits', () => {
  const own = {
    source: 'g-2',
    issuer: 'https://g.example/',
    audience: 'api',
    clientId: 'web',
    jwksUri: 'https://g.example/k',
    algorithms: ['ES256'],
  };
  expect(parseTrustedIssuers(JSON.stringify([ACME, own]))).toEqual({
    ok: true,
    issuers: [{ ...ACME, clientId: 'sallyport', jwksUri: null, algorithms: ASYMMETRIC_ALGORITHMS }, own],
  });
  expect(parseTrustedIssuers(' ')).toEqual({ ok: true, issuers: [] });
});

it.each<[string, unknown, string]>([
  ['text that is no JSON', 'acme', 'expected a JSON array'],
  ['one issuer outside a list', ACME, 'expected a JSON array'],
  ['a hundred', Array.from({ length: 100 }, () => ACME), 'expected a JSON array'],
  ['an entry that is text', ['acme'], 'entry 1: expected an object'],
  ['a source with a separator', [{ ...ACME, source: 'a:b' }], 'entry 1: source:'],
  ['a source in capitals', [{ ...ACME, source: 'Acme' }], 'entry 1: source:'],
  ['an issuer that is no URL', [{ ...ACME, issuer: 'id.example' }], 'entry 1: issuer:'],
  ['an issuer with a query', [{ ...ACME, issuer: 'https://id.example?a=b' }], 'entry 1: issuer:'],
  ['an issuer with a password', [{ ...ACME, issuer: 'https://a:b@id.example' }], 'entry 1: issuer:'],
  ['an issuer with a password and no name', [{ ...ACME, issuer: 'https://:b@id.example' }], 'entry 1: issuer:'],
  ['an issuer with a space at the end', [{ ...ACME, issuer: 'https://id.example ' }], 'entry 1: issuer:'],
  ['an issuer with a line break', [{ ...ACME, issuer: 'https://id.exa\nmple' }], 'entry 1: issuer:'],
  ['an issuer with a control character', [{ ...ACME, issuer: 'https://id.example/\u0000' }], 'entry 1: issuer:'],
  ['keys with a password', [{ ...ACME, jwksUri: 'https://:b@id.example/k' }], 'entry 1: jwksUri:'],
  ['keys with a tab', [{ ...ACME, jwksUri: 'https://id.example/\tk' }], 'entry 1: jwksUri:'],
  ['no audience', [{ ...ACME, audience: '' }], 'entry 1: audience:'],
  ['keys in a file', [{ ...ACME, jwksUri: 'file:///keys' }], 'entry 1: jwksUri:'],
  ['a shared secret', [{ ...ACME, algorithms: ['HS256'] }], 'entry 1: algorithms:'],
  ['no signature', [{ ...ACME, algorithms: ['none'] }], 'entry 1: algorithms:'],
  ['no algorithm', [{ ...ACME, algorithms: [] }], 'entry 1: algorithms:'],
  ['a field that is none', [{ ...ACME, jwks_uri: 'https://id.example' }], 'entry 1: expected no other fields'],
  ['a source twice', [ACME, { ...ACME, issuer: 'https://other.example' }], 'entry 2: source:'],
  ['an issuer twice', [ACME, { ...ACME, source: 'other' }], 'entry 2: issuer:'],
])('refuses %s', (_, value, fault) => {
  expect(faultsOf(value).join('\n')).toContain(fault);
});

it('reports all errors of all entries at once, without values', () => {
  const faults = faultsOf([
    { source: 'SECRET', issuer: 'SECRET', audience: 7 },
    { ...ACME, jwksUri: 'SECRET' },
  ]);
  expect(faults.map((fault) => fault.slice(0, 18))).toEqual([
    'entry 1: source: e',
    'entry 1: issuer: e',
    'entry 1: audience:',
    'entry 2: jwksUri: ',
  ]);
  expect(faults.join()).not.toContain('SECRET');
});
