import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuildFailure, ROOT, buildStale, filesIn, runNode } from './build-step.mjs';

const isSpec = (file) => /\.(?:e2e-)?spec\.tsx?$/.test(file);

/** @type {import('./build-step.mjs').BuildStep} */
const SERVER = {
  name: 'server',
  inputs: ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'],
  outputs: ['dist/main.js'],
  ignores: isSpec,
  async run() {
    if (!existsSync(join(ROOT, 'dist/main.js'))) rmSync(join(ROOT, 'dist/.tsbuildinfo'), { force: true });
    // `npm run check` checks types; skipping that here halves the time to the first start.
    await runNode('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.build.json', '--noCheck']);
    dropOrphans();
  },
};

/** @type {import('./build-step.mjs').BuildStep} */
const CLIENT = {
  name: 'client',
  inputs: ['client', 'src/protocol', 'tsconfig.json', 'package-lock.json'],
  outputs: ['client/dist/index.js', 'client/dist/sallyport-live.js'],
  ignores: (file) => isSpec(file) || file.endsWith('.md'),
  run: () => runNode('client/build.mjs', []),
};

/** @type {import('./build-step.mjs').BuildStep} */
const WEB = {
  name: 'web',
  inputs: ['web', 'client', 'src/protocol', 'package-lock.json'],
  outputs: ['dist/web/index.html', 'dist/web/graphiql.html', 'dist/web/console.html'],
  ignores: (file) => isSpec(file) || /\.(?:md|d\.ts)$/.test(file) || file.startsWith('client/dist/'),
  run: () => runNode('node_modules/vite/bin/vite.js', ['build', 'web', '--logLevel', 'error']),
};

/**
 * Builds stale parts: only `server` or `client`, or by default also everything that the server serves.
 * @param {{ only?: 'server' | 'client' }} [options]
 */
export async function build({ only } = {}) {
  const steps = [SERVER, CLIENT, WEB].filter(({ name }) => only === undefined || name === only);
  try {
    await buildStale(steps);
  } catch (error) {
    process.stderr.write(`${error instanceof BuildFailure ? error.message : error.stack}\n`);
    process.exit(1);
  }
}

/** Removes output without a source, so that a deleted module is not found. */
function dropOrphans() {
  const folders = new Set(filesIn('src').map((file) => file.split('/')[1]));
  for (const file of [...folders].flatMap((folder) => filesIn(join('dist', folder)))) {
    const source = file.replace(/^dist/, 'src').replace(/\.js(?:\.map)?$/, '.ts');
    if (!existsSync(join(ROOT, source))) rmSync(join(ROOT, file));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
