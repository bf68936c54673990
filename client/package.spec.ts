import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { build, type BuildOptions } from 'esbuild';
import { describe, expect, it } from 'vitest';

const KIB = 1024;

async function bundle(entry: string, options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: fileURLToPath(new URL('.', import.meta.url)),
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    target: 'es2022',
    ...options,
  });
  return outputFiles?.[0]?.text ?? '';
}

const gzipped = (text: string): number => gzipSync(text, { level: 9 }).length;

describe('the built package', () => {
  it('is under 5 KB gzipped, imports graphql-ws and nothing else', async () => {
    const text = await bundle('index.ts', { format: 'esm', packages: 'external' });
    expect(gzipped(text)).toBeLessThan(5 * KIB);
    const imported = new Set([...text.matchAll(/from\s*"([^"]+)"/g)].map(([, name]) => name));
    expect([...imported]).toEqual(['graphql-ws/client']);
  });

  it('is a script under 9 KB gzipped that gives a page `Sallyport.startLive`', async () => {
    const text = await bundle('script.ts', { format: 'iife', globalName: 'Sallyport' });
    expect(gzipped(text)).toBeLessThan(9 * KIB);
    expect(runInNewContext(`${text}; typeof Sallyport.startLive`)).toBe('function');
  });
});
