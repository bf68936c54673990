import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EnvironmentSchema, readEnvironment } from './environment.js';

const read = (file: string): string => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');

describe('README.md', () => {
  it('lists exactly the variables that the server reads', () => {
    const readme = read('README.md');
    const section = readme.split('## Configuration\n')[1]?.split('\n## ')[0] ?? '';
    const firstCells = section.split('\n').filter((line) => line.startsWith('| `'));
    const documented = firstCells.flatMap((line) => line.split('|')[1]?.match(/[A-Z_]{4,}/g) ?? []);
    expect(documented.sort()).toEqual(Object.keys(EnvironmentSchema.shape).sort());
  });
});

describe('.env.example', () => {
  const names = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

  it('lists every variable of the server and of docker-compose.yml, each once, and sets none', () => {
    const example = read('.env.example');
    const compose = names(read('docker-compose.yml'), /\$\{([A-Z_]+)/g);
    const all = new Set([...Object.keys(EnvironmentSchema.shape), ...compose]);
    expect(names(example, /^#([A-Z_]+)=/gm).sort()).toEqual([...all].sort());
    expect(names(example, /^([^#\s].*)$/gm)).toEqual([]);
  });

  it('shows the real defaults', () => {
    const { values } = readEnvironment({});
    for (const [, name = '', shown = ''] of read('.env.example').matchAll(/^#([A-Z_]+)=(.+)$/gm)) {
      const fallback = values[name as keyof typeof values];
      if (typeof fallback === 'number' || typeof fallback === 'boolean') expect(shown).toBe(String(fallback));
    }
  });
});

describe('docker-compose.yml', () => {
  it('sets every variable of the server or passes it on to the nodes', () => {
    const [, block = ''] = /^ {2}environment:\n((?: {4}.*\n)+)/m.exec(read('docker-compose.yml')) ?? [];
    const named = [...block.matchAll(/^ {4}([A-Z_]+):/gm)].map(([, name = '']) => name);
    // Set by the image, or unused with PostgreSQL.
    const others = ['NODE_ENV', 'HOST', 'PORT', 'DATA_DIR'];
    expect([...named, ...others].sort()).toEqual(Object.keys(EnvironmentSchema.shape).sort());
  });
});

describe('a variable that is true or false', () => {
  it('is undefined if GRAPHIQL is absent, so that the default depends on production', () => {
    expect(EnvironmentSchema.parse({}).GRAPHIQL).toBeUndefined();
    expect(EnvironmentSchema.parse({ GRAPHIQL: 'true' }).GRAPHIQL).toBe(true);
    expect(EnvironmentSchema.parse({ GRAPHIQL: '0' }).GRAPHIQL).toBe(false);
  });

  it('has its default if there is one', () => {
    expect(EnvironmentSchema.parse({}).TOKEN_SINGLE_USE).toBe(false);
  });
});
