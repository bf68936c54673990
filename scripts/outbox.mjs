// `npm run outbox -- [--steps N] [--events N] [--seed N]`: publishes by SQL at random, in interleaved transactions and
// while relays and nodes are killed and stopped, and compares what arrives with what was committed.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './build-step.mjs';
import { wholeNumbers } from './whole-numbers.mjs';

const { steps, events, seed } = wholeNumbers({ steps: '100000', events: '1000000', seed: undefined });
const env = {
  ...process.env,
  OUTBOX_STEPS: steps,
  OUTBOX_EVENTS: events,
  ...(seed ? { OUTBOX_SEED: seed } : {}),
};
const tests = ['test/outbox-order.e2e-spec.ts', 'test/outbox-faults.e2e-spec.ts'];
process.exitCode = spawnSync(process.execPath, [join(ROOT, 'scripts/test.mjs'), ...tests], {
  cwd: ROOT,
  stdio: 'inherit',
  env,
}).status;
