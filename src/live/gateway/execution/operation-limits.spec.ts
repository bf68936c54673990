import { buildSchema, getIntrospectionQuery, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { DocumentRules } from './document-rules.js';
import { limitFaults, variablesFault } from './operation-limits.js';

const schema = buildSchema('type Query { node: Node, n: Int } type Node { node: Node, n: Int }');

function faults(query: string, introspection = false): string[] {
  return limitFaults(parse(query), introspection).map((error) => error.message);
}

const nested = (levels: number): string => (levels === 1 ? '{ n }' : `{ node ${nested(levels - 1)} }`);
const times = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join(' ');

describe('limitFaults', () => {
  it('allows a query of six levels and refuses one of seven', () => {
    expect(faults(nested(6))).toEqual([]);
    expect(faults(nested(7))).toEqual(['Too many levels: at most 6.']);
  });

  it('counts the levels inside fragments', () => {
    expect(faults(`{ node { ...f } } fragment f on Node ${nested(6)}`)).toHaveLength(1);
  });

  it('allows 15 aliases and refuses 16, also when a fragment multiplies them', () => {
    expect(faults(`{ node { ${times(15, (i) => `a${i}: n`)} } }`)).toEqual([]);
    expect(faults(`{ node { ${times(16, (i) => `a${i}: n`)} } }`)).toEqual(['Too many aliases: at most 15.']);
    const spread = '{ node { ...f node { ...f } } } fragment f on Node { a: n b: n c: n d: n e: n f: n g: n h: n }';
    expect(faults(spread)).toEqual(['Too many aliases: at most 15.']);
  });

  it('refuses 51 directives and 21 root fields', () => {
    expect(faults(`{ n ${times(51, () => '@include(if: true)')} }`)).toEqual(['Too many directives: at most 50.']);
    expect(faults(`{ ${times(21, () => 'n')} }`)).toEqual(['Too many root fields: at most 20.']);
  });

  it('terminates on fragments that spread each other', () => {
    expect(faults('{ node { ...a } } fragment a on Node { ...b } fragment b on Node { ...a }')).toEqual([]);
  });

  it('refuses introspection, or exempts its long query from the limits', () => {
    const introspection =
      '{ __schema { types { ofType: fields { type { ofType { ofType { ofType { name } } } } } } } }';
    expect(faults(introspection, true)).toEqual([]);
    const hidden = new DocumentRules(schema, false).faults(parse('{ __type(name: "Node") { name } }'));
    expect(hidden.map(({ message }) => message)).toEqual([expect.stringContaining('introspection')]);
  });

  it('counts root fields in fragments, and the contents of unused fragments', () => {
    const eleven = times(11, () => 'n');
    expect(faults(`{ ...f ...g } fragment f on Query { ${eleven} } fragment g on Query { ${eleven} }`)).toEqual([
      'Too many root fields: at most 20.',
    ]);
    expect(faults(`{ n } fragment f on Query { ${times(16, (i) => `a${i}: n`)} }`)).toHaveLength(1);
  });

  it('allows one field at most a hundred times, or two fields 71 times, since graphql-js compares all pairs', () => {
    const tooMany = ['Too many pairs of fields with the same response name: at most 5000.'];
    const names = (count: number, of: number) => `{ node { ${times(count, (i) => `n${i % of}`)} } }`;
    expect(faults(names(100, 1))).toEqual([]);
    expect(faults(names(101, 1))).toEqual(tooMany);
    expect(faults(names(2 * 71, 2))).toEqual([]);
    expect(faults(names(2 * 72, 2))).toEqual(tooMany);
  });

  it('allows 250 fields and refuses 251, also when a fragment multiplies them', () => {
    const five = (count: number) => times(count, (i) => `n${i % 5}`);
    const fields = (count: number) => `{ node { ${five(count - 1)} } }`;
    expect(faults(fields(250))).not.toContain('Too many fields: at most 250.');
    expect(faults(fields(251))).toContain('Too many fields: at most 250.');
    const multiplied = `{ node { ${times(6, () => '...f')} } } fragment f on Node { ${five(50)} }`;
    expect(faults(multiplied)).toEqual(['Too many fields: at most 250.']);
  });

  it('allows 30 fragments and 30 spreads and 10 operations, and refuses one more', () => {
    const fragments = (count: number) => times(count, (i) => `fragment f${i} on Node { n }`);
    expect(faults(`{ node { ${times(30, (i) => `...f${i}`)} } } ${fragments(30)}`)).toEqual([]);
    expect(faults(`{ node { n } } ${fragments(31)}`)).toEqual(['Too many fragments: at most 30.']);
    expect(faults(`{ node { ${times(31, () => '...f0')} } } ${fragments(1)}`)).toEqual([
      'Too many fragment spreads: at most 30.',
    ]);
    expect(faults(times(10, (i) => `query q${i} { n }`))).toEqual([]);
    expect(faults(times(11, (i) => `query q${i} { n }`))).toEqual(['Too many operations: at most 10.']);
  });

  it('accepts the introspection query of GraphiQL and code generators when introspection is on', () => {
    const everything = getIntrospectionQuery({
      schemaDescription: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      inputValueDeprecation: true,
      oneOf: true,
    });
    expect(new DocumentRules(schema, true).faults(parse(everything))).toEqual([]);
    expect(faults(everything, false)).not.toEqual([]);
  });
});

it('a document with many errors gets 20 of them', () => {
  const unknown = parse(`{ node { ${times(200, (i) => `u${i}`)} } }`);
  expect(new DocumentRules(schema, false).faults(unknown)).toHaveLength(20);
});

it('a document that is too large is refused before any other rule has run', () => {
  const rules = new DocumentRules(schema, true);
  const messages = (query: string) => rules.faults(parse(query)).map(({ message }) => message);
  expect(messages(`{ ${times(16, () => 'a: unknown')} }`)).toEqual(['Too many aliases: at most 15.']);
  expect(messages('{ unknown }')).toEqual(['Cannot query field "unknown" on type "Query".']);
});

it('variables may be nested 64 levels deep', () => {
  const levels = (count: number): unknown => JSON.parse(`${'{"a":'.repeat(count)}1${'}'.repeat(count)}`);
  expect(variablesFault(levels(64))).toBeNull();
  expect(variablesFault(levels(65))?.message).toContain('at most 64 levels');
  expect(variablesFault(levels(9000))?.message).toContain('at most 64 levels');
});
