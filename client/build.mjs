// Builds the package into dist/: an ES module and CommonJS without graphql-ws, and the script for a `<script>` tag.
// Types are added by `npm pack`.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

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
