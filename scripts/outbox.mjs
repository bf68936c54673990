// `npm run outbox -- [--steps N] [--events N] [--seed N]`: publishes by SQL at random, in interleaved transactions and
// while relays and nodes are killed and stopped, and compares what arrives with what was committed.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './build-step.mjs';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '100000' },
    events: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
  },
});
for (const [name, value] of Object.entries(values)) {
  if (!/^\d+$/.test(value)) {
    console.error(`--${name}: expected a whole number.`);
    process.exit(2);
  }
}
const env = {
  ...process.env,
  OUTBOX_STEPS: values.steps,
  OUTBOX_EVENTS: values.events,
  ...(values.seed ? { OUTBOX_SEED: values.seed } : {}),
};
const tests = ['test/outbox-order.e2e-spec.ts', 'test/outbox-faults.e2e-spec.ts'];
process.exitCode = spawnSync(process.execPath, [join(ROOT, 'scripts/test.mjs'), ...tests], {
  cwd: ROOT,
  stdio: 'inherit',
  env,
}).status;
