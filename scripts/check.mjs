// `npm run check`: every check, two at a time, all of them even when one fails; what failed is printed at the end.
import { availableParallelism } from 'node:os';
import { ROOT, runNode } from './build-step.mjs';
import { build } from './build.mjs';
import { duplicateVersions } from './duplicate-versions.mjs';

/** Packages that must exist once: two of them would not know each other's classes, or disagree on the wire. */
const SINGLE = ['graphql', 'graphql-ws', 'ws', 'react', 'react-dom', '@nestjs/common', '@nestjs/core'];

const CHECKS = {
  format: () => runNode('node_modules/prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']),
  lint: () => runNode('node_modules/oxlint/bin/oxlint', ['--type-aware', '--deny-warnings']),
  types: () => runNode('node_modules/typescript/bin/tsc', ['--noEmit']),
  "the web app's types": () => runNode('node_modules/typescript/bin/tsc', ['--noEmit', '-p', 'web']),
  walls: () =>
    runNode('node_modules/dependency-cruiser/bin/dependency-cruise.mjs', [
      '--config',
      '.dependency-cruiser.cjs',
      'src',
      'client',
      'web',
      'test',
    ]),
  'unused code': () => runNode('node_modules/knip/bin/knip.js', []),
  'schema drift': () => runNode('scripts/schema.mjs', ['--check']),
  requirements: () => runNode('scripts/requirements.mjs', ['--check']),
  'duplicate versions': async () => {
    const found = duplicateVersions(SINGLE);
    if (found.length > 0) throw new Error(found.join('\n'));
  },
};

process.chdir(ROOT);
await build({ only: 'server' });
// The web app's operations are typed from schema.gql; the file is made, not committed.
await runNode('node_modules/gql.tada/bin/cli.js', ['generate', 'output', '--tsconfig', 'web/tsconfig.json']);
const wanted = process.argv.slice(2);
const names = Object.keys(CHECKS).filter((name) => wanted.length === 0 || wanted.includes(name));
const failures = await inLanes(names, Math.min(2, availableParallelism()));
for (const { name, error } of failures) console.error(`\n── ${name} ──\n${error.message}`);
const verdict = failures.length === 0 ? 'all clean' : `failed: ${failures.map(({ name }) => name).join(', ')}`;
console.log(`\ncheck: ${names.length - failures.length} of ${names.length} passed, ${verdict}`);
process.exitCode = failures.length === 0 ? 0 : 1;

/** Runs the named checks in a few lanes; resolves with those that failed, in the order of the list. */
async function inLanes(list, lanes) {
  const queue = [...list];
  const failed = [];
  const lane = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const started = Date.now();
      const error = await CHECKS[name]().then(
        () => null,
        (reason) => reason,
      );
      if (error) failed.push({ name, error });
      console.log(`${error ? '✗' : '✓'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return failed.sort((a, b) => list.indexOf(a.name) - list.indexOf(b.name));
}
