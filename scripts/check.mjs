// `npm run check`: runs every check, even after one fails.
import { spawnSync } from 'node:child_process';

const CHECKS = [
  'format:check',
  'lint',
  'types',
  'deps',
  'unused',
  'schema -- --check',
  'openapi -- --check',
  'api -- --check',
  'requirements -- --check',
];

const failed = CHECKS.filter((check) => {
  const { status } = spawnSync('npm', ['run', '--silent', ...check.split(' ')], { stdio: 'inherit' });
  console.log(`${status === 0 ? '✓' : '✗'} ${check}`);
  return status !== 0;
});
const verdict = failed.length === 0 ? 'all clean' : `failed: ${failed.join(', ')}`;
console.log(`\ncheck: ${CHECKS.length - failed.length} of ${CHECKS.length} passed, ${verdict}`);
process.exitCode = failed.length === 0 ? 0 : 1;
