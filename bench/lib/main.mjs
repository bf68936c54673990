import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Bench } from './bench.mjs';
import { canPin, stopAll } from './child.mjs';
import { loadNamed, requireKnown, UsageError } from './command.mjs';
import { dropAll } from './database.mjs';
import { machine, summarise } from './report.mjs';
import { SERVERS } from './servers.mjs';
import { printTable } from './table.mjs';
import { build } from '../../scripts/build.mjs';
import { writeDocs } from './docs.mjs';
import { otherCommit, regressions } from './other-commit.mjs';

const SCENARIOS = new URL('../scenarios/', import.meta.url);
const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));

const USAGE = `npm run bench -- [scenario …] [--quick] [--repeats N] [--only server,server] [--no-build] [--docs]

  scenario   one or more of those in bench/scenarios; without a name, all scenarios of docs/benchmarks.md
  --quick    small numbers, four servers and two repeats: under two minutes, for a first look
  --repeats  interleaved repeats of each figure (default 5, with --quick 2)
  --only     servers to compare, beside bare ws
  --beside   the folder of another checkout of this project, built and with \`npm ci\` done in its bench/: its server is measured in the
             same rounds, and ratios are taken to it instead of to bare ws
  --against  a commit of this repository, such as HEAD~1 or v0.1.0: it is built in a folder of its own and measured as with --beside; ends
             with 1 if a figure has become worse by more than a tenth, in every round. Default: delivery, sockets, publish
  --no-build use dist/ as it stands
  --from     write the docs from kept results, a comma list; where two have the same measure, the later one counts
  --docs     write docs/benchmarks.md and docs/benchmarks.svg from this run (a full run without names does so by itself)`;

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  repeats: { type: 'string' },
  only: { type: 'string', default: '' },
  beside: { type: 'string' },
  against: { type: 'string' },
  'no-build': { type: 'boolean', default: false },
  docs: { type: 'boolean', default: false },
  from: { type: 'string' },
  help: { type: 'boolean', default: false },
};
/** The scenarios of docs/benchmarks.md, in the same order. */
const IN_DOCS = [
  'delivery',
  'scale',
  'tabs',
  'bursts',
  'feeds',
  'sockets',
  'latency',
  'growth',
  'publish',
  'topics',
  'workers',
  'me',
  'module',
  'presence',
  'revocation',
  'issuers',
  'tokens',
  'sql',
  'store-size',
  'observing',
  'traces',
  'rollout',
  'many',
];
const QUICK = ['delivery', 'sockets'];
const AGAINST = [...QUICK, 'publish'];

/** Runs one scenario and prints its measures; null if it failed. */
async function runOne(scenario, options) {
  const bench = new Bench({ ...options, log: (line) => console.log(line) });
  console.log(`\n${scenario.title}`);
  try {
    const measures = (await scenario.run(bench)).map((measure) =>
      summarise(options.beside ? { ...measure, base: 'beside', targets: [] } : measure, bench.failedPeers),
    );
    for (const measure of measures) printTable(measure);
    return measures;
  } catch (error) {
    console.error(`  ${scenario.name} failed: ${error.message}`);
    return null;
  } finally {
    await bench.close();
  }
}

const fileOf = ({ at }) => `${RESULTS}${at.replaceAll(/[:.]/g, '-')}.json`;

/** Writes the results after each scenario, so that an interrupted run keeps its figures; the load average is that of the run. */
function keep(report) {
  report.machine = machine();
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(fileOf(report), `${JSON.stringify(report, null, 2)}\n`);
}

/** Merges kept results, in the order of the first. */
function merged(files) {
  const reports = files.map((file) => JSON.parse(readFileSync(file, 'utf8')));
  const results = new Map(reports.flatMap((report) => report.results.map((measure) => [measure.id, measure])));
  const busiest = reports.reduce((one, other) => (other.machine.loadAverage > one.machine.loadAverage ? other : one));
  return { ...reports.at(-1), machine: busiest.machine, runs: reports.length, results: [...results.values()] };
}

/** Ends all processes and then drops all databases, however the run ends. */
function cleanUpOnExit() {
  const stop = (code) => {
    stopAll();
    void dropAll().finally(() => process.exit(code));
  };
  process.once('SIGINT', () => stop(130));
  process.once('SIGTERM', () => stop(143));
  process.once('exit', stopAll);
}

/** Runs the benchmarks. Resolves with the exit code: 0, or 1 if a scenario failed or a figure has become worse. */
export async function main(argv) {
  const { values, positionals } = parseArgs({ args: argv, allowPositionals: true, options: OPTIONS });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (values.from) {
    writeDocs(merged(values.from.split(',')));
    return 0;
  }
  if (values.against && values.beside) throw new UsageError('--against and --beside exclude each other.');
  const options = optionsOf(values);
  const usual = values.against ? AGAINST : values.quick ? QUICK : IN_DOCS;
  const scenarios = await loadNamed(SCENARIOS, positionals.length > 0 ? positionals : usual);
  cleanUpOnExit();
  if (!values['no-build']) await build({ only: 'server' });
  const isForDocs = positionals.length === 0 && !values.quick && !values.beside;
  const docs = values.docs ? 'always' : isForDocs ? 'if-whole' : 'never';
  if (!values.against) return run(scenarios, options, docs);
  const other = otherCommit(values.against);
  if (!other) return 1;
  process.once('exit', other.remove);
  return run(scenarios, { ...options, beside: other.folder }, values.docs ? 'always' : 'never', other.name);
}

/** The options of Bench on the command line. */
function optionsOf({ quick, beside, ...values }) {
  const repeats = Number(values.repeats ?? (quick ? 2 : 5));
  if (!Number.isInteger(repeats) || repeats < 1) throw new UsageError('--repeats: expected a number from 1.');
  const only = values.only.split(',').filter(Boolean);
  requireKnown(only, Object.keys(SERVERS));
  return { quick, repeats, only, beside };
}

/**
 * Runs scenarios.
 *
 * @param options of Bench
 * @param {'always' | 'if-whole' | 'never'} docs whether the docs are written; `if-whole`: if no scenario has failed
 * @param against the commit that figures are compared with
 */
async function run(scenarios, options, docs, against = null) {
  const { quick, beside, repeats } = options;
  if (!canPin) console.log('taskset is missing: server and load generator share the cores, figures are noisier.');
  const report = { at: new Date().toISOString(), quick, beside: against ?? beside, repeats, results: [] };
  let whole = true;
  for (const scenario of scenarios) {
    const measures = await runOne(scenario, options);
    whole &&= measures !== null;
    report.results.push(...(measures ?? []));
    keep(report);
  }
  console.log(`\nFigures: ${fileOf(report)}`);
  if (quick) console.log('Small numbers, little warm-up: the targets are those of the whole run.');
  if (docs === 'always' || (docs === 'if-whole' && whole)) writeDocs(report);
  const worse = against ? regressions(report.results) : [];
  if (against) console.log(worse.length > 0 ? `Worse than ${against}:` : `Nothing is worse than ${against}.`);
  for (const line of worse) console.log(`  ${line}`);
  return whole && worse.length === 0 ? 0 : 1;
}
