import { expect, it } from 'vitest';
import { printable } from './printable.js';

it('escapes what controls a terminal, and keeps line ends and tabs', () => {
  expect(printable('a\u001b[2Jb\rc\u007fd\u009b31me\u009d0;f\u009c\n\tz')).toBe(
    String.raw`a\u001b[2Jb\u000dc\u007fd\u009b31me\u009d0;f\u009c` + '\n\tz',
  );
});

it('keeps text in any language, and JSON the same value', () => {
  const value = { origin: '\u009b31m', name: 'Zoë 名前 😀' };
  expect(printable(value.name)).toBe(value.name);
  expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value);
});
