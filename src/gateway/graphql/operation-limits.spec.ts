import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { limitRules } from './operation-limits.js';

const schema = buildSchema('type Query { node: Node, n: Int } type Node { node: Node, n: Int }');

function faults(query: string, introspection = false): string[] {
  return validate(schema, parse(query), limitRules(introspection)).map((error) => error.message);
}

const nested = (levels: number): string => (levels === 1 ? '{ n }' : `{ node ${nested(levels - 1)} }`);
const times = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join(' ');

describe('limitRules', () => {
  test('allows a query of six levels and refuses one of seven', () => {
    expect(faults(nested(6))).toEqual([]);
    expect(faults(nested(7))).toEqual(['Too many levels: at most 6.']);
  });

  test('counts the levels inside fragments', () => {
    expect(faults(`{ node { ...f } } fragment f on Node ${nested(6)}`)).toHaveLength(1);
  });

  test('allows 15 aliases and refuses 16, also where a fragment multiplies them', () => {
    expect(faults(`{ node { ${times(15, (i) => `a${i}: n`)} } }`)).toEqual([]);
    expect(faults(`{ node { ${times(16, (i) => `a${i}: n`)} } }`)).toEqual(['Too many aliases: at most 15.']);
    const spread = '{ node { ...f node { ...f } } } fragment f on Node { a: n b: n c: n d: n e: n f: n g: n h: n }';
    expect(faults(spread)).toEqual(['Too many aliases: at most 15.']);
  });

  test('refuses 51 directives and 21 root fields', () => {
    expect(faults(`{ n ${times(51, () => '@include(if: true)')} }`)).toEqual(['Too many directives: at most 50.']);
    expect(faults(`{ ${times(21, () => 'n')} }`)).toEqual(['Too many root fields: at most 20.']);
  });

  test('ends on fragments that spread each other', () => {
    expect(faults('{ node { ...a } } fragment a on Node { ...b } fragment b on Node { ...a }')).toEqual([]);
  });

  test('hides the schema, or lets its own long query pass', () => {
    const introspection =
      '{ __schema { types { ofType: fields { type { ofType { ofType { ofType { name } } } } } } } }';
    expect(faults(introspection, true)).toEqual([]);
    expect(faults('{ __type(name: "Node") { name } }')).toHaveLength(1);
  });
});
