import { describe, expect, it } from 'vitest';
import { normalizeEmail } from './email.js';

describe('normalizeEmail', () => {
  it.each([
    ['Ada@Example.org', 'ada@example.org'],
    ['  ada@example.org ', 'ada@example.org'],
    ['ada＠example.org', 'ada@example.org'],
    ['ＡＤＡ@ｅｘａｍｐｌｅ．org', 'ada@example.org'],
    ['jose\u0301@example.org', 'jos\u00e9@example.org'],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ada+tag@example.org', 'ada+tag@example.org'],
    ['a@x', 'a@x'],
  ])('EN-4 normalises %s to one spelling', (text, email) => {
    expect(normalizeEmail(text)).toBe(email);
    expect(normalizeEmail(email)).toBe(email);
  });

  it('refuses invisible characters in any position', () => {
    const invisible = /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}]/u;
    const accepted: string[] = [];
    for (let point = 0; point <= 0x10ffff; point += 1) {
      const character = String.fromCodePoint(point);
      if (!invisible.test(character)) continue;
      const spellings = [`a${character}da@example.org`, `ada@ex${character}ample.org`];
      if (spellings.some((text) => normalizeEmail(text) !== null)) accepted.push(point.toString(16));
    }
    expect(accepted).toEqual([]);
  });

  it.each([
    ['', 'nothing'],
    ['ada', 'no domain'],
    ['@example.org', 'no local part'],
    ['ada@', 'an empty domain'],
    ['ada lovelace@example.org', 'a space'],
    ['ada\u200b@example.org', 'an invisible character'],
    ['ada\ufe0f@example.org', 'a variation selector'],
    ['ada\u034f@example.org', 'a combining grapheme joiner'],
    ['ada\u1160@example.org', 'a Hangul filler'],
    ['ada\u3164@example.org', 'a Hangul filler that folds into another'],
    ['ada\uffa0@example.org', 'a half-width Hangul filler'],
    ['ada\u2060@example.org', 'a word joiner'],
    ['ada\u00ad@example.org', 'a soft hyphen'],
    ['ada\u180e@example.org', 'a Mongolian vowel separator'],
    ['ada\u{e0101}@example.org', 'a supplementary variation selector'],
    ['ada\u202e@example.org', 'a right-to-left override'],
    ['ada\u2066@example.org', 'a left-to-right isolate'],
    ['ada\u061c@example.org', 'an Arabic letter mark'],
    ['ada@exam\u00adple.org', 'an invisible character in the domain'],
    ['\ufeffada@example.org', 'a byte order mark in front'],
    ['ada\u0000@example.org', 'a control character'],
    ['ada\n@example.org', 'a line break'],
    ['<ada>@example.org', 'brackets'],
    ['ada@exa mple.org', 'a space in the domain'],
    ['ada@[127.0.0.1]', 'an address literal'],
    ['ada@-example.org', 'a label that starts with a hyphen'],
    ['a@b@example.org', 'a second @'],
    ['ada@example.org/x', 'a path'],
    ['ada@example.org?x', 'a query'],
    ['ada@example.org#x', 'a fragment'],
    ['ada@example.org\\x', 'a backslash'],
    ['ada@ex%61mple.org', 'a percent-encoded letter'],
    ['ada@exam\tple.org', 'a tab in the domain'],
    ['ada@exam\nple.org', 'a line break in the domain'],
    [`${'a'.repeat(65)}@example.org`, 'a long local part'],
    [`a@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.${'e'.repeat(63)}`, 'more than 254 characters'],
    ['a'.repeat(1_000_000), 'a megabyte'],
  ])('refuses %j: %s', (text) => {
    expect(normalizeEmail(text)).toBeNull();
  });
});
