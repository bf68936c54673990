import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  // As Node itself resolves it: graphql has no `exports`, and its `module` file would be a second realm beside the one that
  // Nest loads.
  resolve: {
    alias: [
      { find: /^graphql$/, replacement: fileURLToPath(new URL('node_modules/graphql/index.js', import.meta.url)) },
    ],
  },
  test: {
    include: [
      'src/**/*.spec.ts',
      'client/**/*.spec.ts',
      'web/**/*.spec.{ts,tsx}',
      'test/**/*.e2e-spec.ts',
      'test/contract/*.spec.ts',
    ],
    // Tests wait more than they compute: two files at a time even on two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Some start two or three servers with a database inside, each of which takes 20 seconds on a busy machine.
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
});
