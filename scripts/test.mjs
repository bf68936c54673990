// `npm test`: finds or starts what the tests need, reports what is missing, builds, runs Vitest, and stops what it
// started. In CI, files that failed run once more, alone; what passes only then is named at the end.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { ROOT, filesIn } from './build-step.mjs';
import { build } from './build.mjs';
import { findChromium, findFaketime, findPostgres, findProgram, findRedis } from './test-services.mjs';

const RESULTS = join(ROOT, 'test-results', 'vitest.json');
const AGAIN = join(ROOT, 'test-results', 'vitest-again.json');
/** More failed files than this are no accident, and do not run again. */
const MAX_AGAIN = 6;
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
  for (const file of [RESULTS, AGAIN]) rmSync(file, { force: true });
  const where = Object.fromEntries(Object.entries(NEEDS).map(([need, { variable }]) => [variable, found[need] ?? '']));
  const { code, suspects } = await vitest(where, RESULTS, process.argv.slice(2));
  if (ci && code !== 0 && suspects.length > 0 && suspects.length <= MAX_AGAIN && !interrupted) {
    console.error(`\n!! Running again, alone: ${suspects.join(', ')}`);
    const again = await vitest(where, AGAIN, ['--maxWorkers=1', ...suspects]);
    reportCounts();
    for (const file of suspects) console.log(`!! ran again: ${file}`);
    return again.code;
  }
  reportCounts();
  return code;
}

function reportMissing(missing) {
  for (const need of missing) {
    const files = ['src', 'client', 'web', 'test']
      .flatMap(filesIn)
      .filter((file) => isTest(file) && asksFor(file, need));
    console.error(`\n!! ${need} was not found (${NEEDS[need].remedy}). NOT RUN because of that:`);
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

/**
 * Runs Vitest. Resolves with its exit code and the files that failed, or during which an error was not handled. A signal
 * to this process ends only Vitest, so that the stores are stopped as well.
 */
async function vitest(where, results, filters) {
  if (interrupted) return { code: 1, suspects: [] };
  mkdirSync(join(ROOT, 'test-results'), { recursive: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
  const args = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...filters];
  const stdio = ci ? ['inherit', 'inherit', 'pipe'] : 'inherit';
  tests = spawn(process.execPath, args, { stdio, env: { ...process.env, ...where } });
  const unhandled = new Set();
  if (tests.stderr)
    createInterface(tests.stderr).on('line', (line) => {
      console.error(line);
      const [, file] = /originated in "([^"]+)" test file/.exec(stripVTControlCharacters(line)) ?? [];
      if (file) unhandled.add(file);
    });
  const code = (await new Promise((resolve) => tests.on('close', resolve))) ?? 1;
  return { code, suspects: [...new Set([...failedFiles(results), ...unhandled])] };
}

function resultsOf(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).testResults : [];
}

/** The files with a failed test, or that could not be loaded. */
function failedFiles(results) {
  return resultsOf(results)
    .filter(({ status }) => status === 'failed')
    .map(({ name }) => relative(ROOT, name));
}

/**
 * One summary line at the end. The result of a file that ran again counts, and a file that could not be loaded counts
 * as one failure.
 */
function reportCounts() {
  if (!existsSync(RESULTS)) return;
  const [first, again] = [resultsOf(RESULTS), resultsOf(AGAIN)];
  const files = [...new Map([...first, ...again].map((file) => [file.name, file])).values()];
  const tests = files.flatMap((file) => file.assertionResults);
  const count = (...statuses) => tests.filter(({ status }) => statuses.includes(status)).length;
  const broken = files.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  for (const { fullName } of passedOnlyAgain(first, again)) console.log(`!! passed only when run again: ${fullName}`);
  const skipped = count('pending', 'skipped', 'todo', 'disabled');
  console.log(
    `${count('passed')} passed, ${count('failed') + broken} failed, ${skipped} skipped (Node ${process.version})`,
  );
}

function passedOnlyAgain(first, again) {
  const passed = new Set(
    again.flatMap((file) =>
      file.assertionResults.filter(({ status }) => status === 'passed').map(({ fullName }) => fullName),
    ),
  );
  return first
    .flatMap((file) => file.assertionResults)
    .filter(({ status, fullName }) => status === 'failed' && passed.has(fullName));
}
