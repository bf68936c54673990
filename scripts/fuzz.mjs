// `npm run fuzz -- [--documents N] [--seed N]`: compares delivered results of random documents with those of
// graphql-js, byte for byte.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './build-step.mjs';
import { wholeNumbers } from './whole-numbers.mjs';

const { documents, seed } = wholeNumbers({ documents: '100000', seed: undefined });
const env = { ...process.env, FUZZ_DOCUMENTS: documents, ...(seed ? { FUZZ_SEED: seed } : {}) };
const args = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', 'test/fuzz'];
spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit', env }).on(
  'close',
  (code) => (process.exitCode = code ?? 1),
);
