import { describe, expect, it } from 'vitest';
import { BadUserInputError } from '../../live/errors/sallyport.errors.js';
import { requireAcceptable, requirePresentable } from './password-policy.js';

const EMAIL = 'lovelace.ada@countess.example';

function verdict(password: string): string {
  try {
    requireAcceptable(password, EMAIL, 'next');
    return 'accepted';
  } catch (error) {
    if (!(error instanceof BadUserInputError)) throw error;
    expect(error.extensions.field).toBe('next');
    return error.message;
  }
}

describe('a new password', () => {
  it.each([
    ['PW-1 twelve characters', 'h7 fk2 q9 zu'],
    ['PW-2 a hundred and twenty-eight', 'correct horse battery staple '.repeat(5).slice(0, 128)],
    ['PW-2 characters of four bytes each', '🐎🔋📎🌂🗝🚪🐉🪁🧭🪢🧵🪡'],
    ['PW-2 spaces at both ends', '  umbrella in the rain  '],
    ['a passphrase with a common word in it', 'dragon teapot umbrella'],
    ['a sentence with its own name in it', 'ada draws engines of brass and steam'],
    ['random characters that end in a short word', '73k9w0x2m5q8ab'],
  ])('a new password is accepted with %s', (_name, password) => {
    expect(verdict(password)).toBe('accepted');
  });

  it.each([
    ['PW-1 eleven characters', 'h7 fk2 q9 z'],
    ['PW-2 a hundred and twenty-nine', 'correct horse battery staple '.repeat(5).slice(0, 129)],
    ['an unpaired surrogate', 'correct horse \ud83d battery'],
    ['a megabyte', 'x'.repeat(1_000_000)],
  ])('a new password is refused with %s', (_name, password) => {
    expect(verdict(password)).toMatch(/^A password has|^This password contains/);
  });

  it.each([
    ['123456789012'],
    ['abcdefghijkl'],
    ['abcdef123456'],
    ['987654321098'],
    ['aaaaaaaaaaaa'],
    ['abababababab'],
    ['111122223333'],
    ['1q2w3e4r5t6y'],
    ['1qaz2wsx3edc'],
    ['qwertyuiop12'],
    ['unbelievable'],
    ['Administrator'],
    ['Password2024!'],
    ['passwordpassword'],
    ['iloveyou1234567890'],
    ['!!!football!!!'],
    ['sallyport-2026'],
    ['Sally port'.replace(' ', '').concat('12345')],
    ['lovelace.ada@countess.example'],
    ['Lovelace1815'],
    ['countess-1852'],
  ])('PW-3 a new password is refused when it is too common: %s', (password) => {
    expect(verdict(password)).toMatch(/too common/);
  });
});

describe('a password that is presented', () => {
  it('may be short, since older accounts may have other rules', () => {
    expect(() => requirePresentable('short', 'password')).not.toThrow();
  });

  it('PW-2 a password of a megabyte is refused without being hashed', () => {
    expect(() => requirePresentable('x'.repeat(1_000_000), 'password')).toThrow(/at most 128/);
  });
});
