import { defineConfig } from 'vitest/config';

export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    include: [
      'src/**/*.spec.ts',
      'client/**/*.spec.ts',
      'web/**/*.spec.{ts,tsx}',
      'test/**/*.e2e-spec.ts',
      'test/contract/*.spec.ts',
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
