import fc from 'fast-check';
import { GraphQLScalarType, GraphQLString } from 'graphql';
import { expect, it } from 'vitest';
import { leaf, FALLBACK } from './value-writers.js';

const run = { root: null, context: null, variables: {} };

it('writes any string as JSON.stringify does', () => {
  const write = leaf(GraphQLString);
  // Half of the characters need an escape, or may: quotes, controls, surrogates with and without their other half.
  const unit = fc.oneof(
    fc.constantFrom('"', '\\', '/', '\u0000', '\u001f', ' ', '\u007f', '\u2028', '\ud83d\ude00'),
    fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    fc.integer({ min: 0xd800, max: 0xdfff }).map((code) => String.fromCharCode(code)),
    fc.constantFrom('a', 'é', '字'),
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 8 }), (text) => {
      expect(write(text, run, null, undefined)).toBe(JSON.stringify(text));
    }),
    { numRuns: 5_000 },
  );
});

it.each([
  ['is resolved', () => Promise.resolve({ text: 'later' })],
  ['is rejected', () => Promise.reject(new Error('no text'))],
])('leaves a scalar that is serialised as a promise that %s to graphql-js, which waits for it', (_, serialize) => {
  const write = leaf(new GraphQLScalarType({ name: 'Later', serialize }));
  expect(() => write('text', run, null, undefined)).toThrow(FALLBACK);
});
