// `npm test`: finds or starts what the tests need, reports what is missing, builds, runs Vitest, and stops what it
// started.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, filesIn } from './build-step.mjs';
import { build } from './build.mjs';
import { findChromium, findFaketime, findPostgres, findProgram, findRedis } from './test-services.mjs';

const RESULTS = join(ROOT, 'test-results', 'vitest.json');
const ci = Boolean(process.env.CI) && !['false', '0'].includes(process.env.CI);

/** What a test may need, the variable with its location, and how to install it. Tests use `needs(name)`. */
const NEEDS = {
  postgres: { variable: 'TEST_DATABASE_URL', remedy: 'install postgresql or set DATABASE_URL' },
  redis: { variable: 'TEST_REDIS_URL', remedy: 'install redis-server or set REDIS_URL' },
  chromium: { variable: 'TEST_CHROMIUM', remedy: 'install chromium or set CHROMIUM_PATH' },
  faketime: { variable: 'TEST_FAKETIME', remedy: 'install faketime' },
  caddy: { variable: 'TEST_CADDY', remedy: 'install caddy' },
  nginx: { variable: 'TEST_NGINX', remedy: 'install nginx' },
  pgbouncer: { variable: 'TEST_PGBOUNCER', remedy: 'install pgbouncer' },
  python: { variable: 'TEST_PYTHON', remedy: 'install python3' },
  prometheus: { variable: 'TEST_PROMETHEUS', remedy: 'install prometheus' },
  promtool: { variable: 'TEST_PROMTOOL', remedy: 'install prometheus' },
};

process.chdir(ROOT);
let tests;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    interrupted = true;
    tests?.kill(signal);
  });
}
const services = await Promise.all([findPostgres(), findRedis()]);
try {
  process.exitCode = await run(services);
} finally {
  for (const service of services) await service?.stop();
}

async function run([postgres, redis]) {
  const programs = {
    chromium: findChromium(),
    faketime: findFaketime(),
    caddy: findProgram('caddy'),
    nginx: findProgram('nginx'),
    pgbouncer: findProgram('pgbouncer'),
    python: findProgram('python3'),
    prometheus: findProgram('prometheus'),
    promtool: findProgram('promtool'),
  };
  const found = { postgres: postgres?.url, redis: redis?.url, ...programs };
  const origins = { postgres: postgres?.origin, redis: redis?.origin, ...programs };
  for (const [need, origin] of Object.entries(origins)) if (origin) console.log(`${need}: ${origin}`);
  const missing = Object.keys(NEEDS).filter((need) => !found[need]);
  reportMissing(missing);
  if (ci && missing.length > 0) {
    console.error(`CI=true: a missing ${missing.join(', ')} is a failure.`);
    return 1;
  }
  await build();
  rmSync(RESULTS, { force: true });
  const where = Object.entries(NEEDS).map(([need, { variable }]) => [variable, found[need] ?? '']);
  const code = await vitest(Object.fromEntries(where));
  reportCounts();
  return code;
}

function reportMissing(missing) {
  for (const need of missing) {
    const files = ['src', 'client', 'web', 'test']
      .flatMap(filesIn)
      .filter((file) => isTest(file) && asksFor(file, need));
    console.error(`\n!! ${need} is not here (${NEEDS[need].remedy}). NOT RUN because of that:`);
    console.error(files.length > 0 ? files.map((file) => `!!   ${file}`).join('\n') : '!!   nothing');
  }
  if (missing.length > 0) console.error('');
}

function isTest(file) {
  return /[.-]spec\.tsx?$/.test(file);
}

function asksFor(file, need) {
  return new RegExp(`needs\\([^)]*'${need}'`).test(readFileSync(join(ROOT, file), 'utf8'));
}

/** Vitest's exit code. A signal to this process ends only Vitest, so that the stores are stopped as well. */
function vitest(where) {
  if (interrupted) return 1;
  mkdirSync(join(ROOT, 'test-results'), { recursive: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];
  const args = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...process.argv.slice(2)];
  tests = spawn(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...where } });
  return new Promise((resolve) => tests.on('close', (code) => resolve(code ?? 1)));
}

/** One summary line at the end. A file that could not be loaded counts as one failure. */
function reportCounts() {
  if (!existsSync(RESULTS)) return;
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(RESULTS, 'utf8'));
  const broken = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  const failed = numFailedTests + broken;
  console.log(`${numPassedTests} passed, ${failed} failed, ${numPendingTests} skipped (Node ${process.version})`);
}
