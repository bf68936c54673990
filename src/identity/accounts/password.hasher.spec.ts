import { hash } from '@node-rs/argon2';
import { describe, expect, it } from 'vitest';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { PasswordHasher } from './password.hasher.js';

const hasher = new PasswordHasher();

describe('a stored hash', () => {
  it('PW-4 is argon2id with 19 MiB, two passes and one lane', async () => {
    expect(await hasher.hash('correct horse battery')).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  it('PW-4 is outdated only if it has weaker parameters', async () => {
    expect(hasher.isOutdated(await hash('x', { memoryCost: 9_216, timeCost: 2, parallelism: 1 }))).toBe(true);
    expect(hasher.isOutdated(await hash('x', { memoryCost: 19_456, timeCost: 1, parallelism: 1 }))).toBe(true);
    expect(hasher.isOutdated(await hasher.hash('x'))).toBe(false);
    expect(hasher.isOutdated(await hash('x', { memoryCost: 32_768, timeCost: 3, parallelism: 1 }))).toBe(false);
  });

  it('PW-2 distinguishes passwords after their first hundred characters, and by spaces and capitals', async () => {
    const long = 'x'.repeat(100);
    const stored = await hasher.hash(`${long}a `);
    expect(await hasher.verify(stored, `${long}a `)).toBe(true);
    for (const other of [`${long}b `, `${long}a`, `${long}A `]) expect(await hasher.verify(stored, other)).toBe(false);
  });

  it('matches no password without an account, not even that of the dummy', async () => {
    expect(await hasher.verify(null, 'nobody has this password')).toBe(false);
  });
});

describe('five hundred at once', () => {
  it('PW-5 are hashed a few at a time, and refused when the queue is full', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 500 }, () => hasher.hash('correct horse battery')));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.length).toBeGreaterThan(400);
    expect(refused.every((outcome) => outcome.reason instanceof UnavailableError)).toBe(true);
    expect(outcomes.length - refused.length).toBeGreaterThan(60);
    expect(await hasher.hash('afterwards')).toMatch(/^\$argon2id/);
  });
});
