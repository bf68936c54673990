import fc from 'fast-check';
import { GraphQLString } from 'graphql';
import { expect, it } from 'vitest';
import { leaf } from './value-writers.js';

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
