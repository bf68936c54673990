// Builds the package into dist/: an ES module and CommonJS without graphql-ws, their types, and the script for a `<script>`
// tag.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

const here = import.meta.dirname;
const common = { absWorkingDir: here, bundle: true, minify: true, target: 'es2022', legalComments: 'none' };

rmSync(join(here, 'dist'), { recursive: true, force: true });
await Promise.all([
  ...Object.entries({ 'index.js': 'esm', 'index.cjs': 'cjs' }).map(([name, format]) =>
    build({ ...common, entryPoints: ['index.ts'], outfile: `dist/${name}`, format, packages: 'external' }),
  ),
  build({
    ...common,
    entryPoints: ['script.ts'],
    outfile: 'dist/sallyport-live.js',
    format: 'iife',
    globalName: 'Sallyport',
  }),
]);
const types = await rollup({
  input: join(here, 'index.ts'),
  plugins: [dts({ tsconfig: join(here, 'tsconfig.json') })],
  external: /^[^./]/,
});
for (const name of ['index.d.ts', 'index.d.cts']) await types.write({ file: join(here, 'dist', name) });
await types.close();
