import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isInstant } from '../../instant.js';
import { GraphQLDateTime } from './date-time.scalar.js';

const inDate = (text: string): string => new Date(text).toISOString();

it('writes an instant as ISO 8601 in UTC, whatever form it came in', () => {
  expect(GraphQLDateTime.serialize('2026-01-31T12:00:00+02:00')).toBe('2026-01-31T10:00:00.000Z');
  expect(GraphQLDateTime.serialize(new Date(0))).toBe('1970-01-01T00:00:00.000Z');
});

it('writes text exactly as a Date would, digit by digit', () => {
  const digits = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 17, maxLength: 17 });
  const near = digits.map((d) => {
    const two = (at: number, most: number): string =>
      String(((d[at] ?? 0) * 10 + (d[at + 1] ?? 0)) % most).padStart(2, '0');
    return `${d.slice(0, 4).join('')}-${two(4, 14)}-${two(6, 33)}T${two(8, 26)}:${two(10, 62)}:${two(12, 62)}.${d.slice(14).join('')}Z`;
  });
  fc.assert(
    fc.property(near, (text) => {
      if (!isInstant(text)) expect(() => GraphQLDateTime.serialize(text)).toThrow('DateTime must be');
      else expect(GraphQLDateTime.serialize(text)).toBe(inDate(text));
    }),
    { numRuns: 5_000 },
  );
});

it.each([
  ['2026-13-01T00:00:00.000Z'],
  ['2026-02-30T00:00:00Z'],
  ['2026-01-31T12:00:00'],
  ['2026-01-31'],
  ['March 7'],
  ['12'],
  ['now'],
  [''],
  [7],
  [null],
  [{}],
])('refuses %j as an instant', (value) => {
  expect(() => GraphQLDateTime.serialize(value)).toThrow('DateTime must be a date and time in RFC 3339');
  expect(() => GraphQLDateTime.parseValue(value)).toThrow('DateTime must be a date and time in RFC 3339');
});
