// `npm run fuzz -- [--documents N] [--seed N]`: compares delivered results of random documents with those of
// graphql-js, byte for byte.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './build-step.mjs';

const { values } = parseArgs({
  options: { documents: { type: 'string', default: '100000' }, seed: { type: 'string' } },
});
for (const [name, value] of Object.entries(values)) {
  if (!/^\d+$/.test(value)) {
    console.error(`--${name}: expected a whole number.`);
    process.exit(2);
  }
}
const env = { ...process.env, FUZZ_DOCUMENTS: values.documents, ...(values.seed ? { FUZZ_SEED: values.seed } : {}) };
const args = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', 'test/fuzz'];
spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit', env }).on(
  'close',
  (code) => (process.exitCode = code ?? 1),
);
