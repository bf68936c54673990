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
  ])('EN-4 writes %s in one way only', (text, email) => {
    expect(normalizeEmail(text)).toBe(email);
    expect(normalizeEmail(email)).toBe(email);
  });

  it.each([
    ['', 'nothing'],
    ['ada', 'no domain'],
    ['@example.org', 'no local part'],
    ['ada@', 'an empty domain'],
    ['ada lovelace@example.org', 'a space'],
    ['ada\u200b@example.org', 'an invisible character'],
    ['ada\u0000@example.org', 'a control character'],
    ['ada\n@example.org', 'a line break'],
    ['<ada>@example.org', 'brackets'],
    ['ada@exa mple.org', 'a space in the domain'],
    ['ada@[127.0.0.1]', 'an address literal'],
    ['ada@-example.org', 'a label that starts with a hyphen'],
    ['a@b@example.org', 'a second @'],
    [`${'a'.repeat(65)}@example.org`, 'a long local part'],
    [`a@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.${'e'.repeat(63)}`, 'more than 254 characters'],
    ['a'.repeat(1_000_000), 'a megabyte'],
  ])('refuses %j: %s', (text) => {
    expect(normalizeEmail(text)).toBeNull();
  });
});
