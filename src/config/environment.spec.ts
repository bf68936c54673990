import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EnvironmentSchema } from './environment.js';

describe('README.md', () => {
  it('lists exactly the variables that the server reads', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const section = readme.split('## Configuration\n')[1]?.split('\n## ')[0] ?? '';
    const firstCells = section.split('\n').filter((line) => line.startsWith('| `'));
    const documented = firstCells.flatMap((line) => line.split('|')[1]?.match(/[A-Z_]{4,}/g) ?? []);
    expect(documented.sort()).toEqual(Object.keys(EnvironmentSchema.shape).sort());
  });
});

describe('a variable that is true or false', () => {
  it('is undecided where GRAPHIQL is absent, so that production decides', () => {
    expect(EnvironmentSchema.parse({}).GRAPHIQL).toBeUndefined();
    expect(EnvironmentSchema.parse({ GRAPHIQL: 'true' }).GRAPHIQL).toBe(true);
    expect(EnvironmentSchema.parse({ GRAPHIQL: '0' }).GRAPHIQL).toBe(false);
  });

  it('has its default where there is one', () => {
    expect(EnvironmentSchema.parse({}).TOKEN_SINGLE_USE).toBe(false);
  });
});
