// Builds the package into dist/: an ES module without graphql-ws, its types, and the script for a `<script>` tag.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const common = { absWorkingDir: here, bundle: true, minify: true, target: 'es2022', legalComments: 'none' };

rmSync(`${here}dist`, { recursive: true, force: true });
await Promise.all([
  build({ ...common, entryPoints: ['index.ts'], outfile: 'dist/index.js', format: 'esm', packages: 'external' }),
  build({
    ...common,
    entryPoints: ['script.ts'],
    outfile: 'dist/sallyport-live.js',
    format: 'iife',
    globalName: 'Sallyport',
  }),
]);
execFileSync(process.execPath, [`${here}../node_modules/typescript/bin/tsc`, '-p', here, '--noCheck'], {
  stdio: 'inherit',
});
