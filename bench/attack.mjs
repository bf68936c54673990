// `npm run attack [-- name…]`: attacks that load the machine, each against its own server on loopback.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from '../scripts/build.mjs';
import { startTarget, stopTargets } from './lib/attack-target.mjs';

const HERE = fileURLToPath(new URL('./', import.meta.url));
const RESULTS = `${HERE}results/attacks.json`;
/** An attack that takes longer than this is stopped, and counts as not held. */
const LONGEST_MS = 5 * 60_000;

const USAGE = `npm run attack -- [name …] [--no-build] [--list]

  name        one or more of those in bench/attacks; without a name, all of them
  --no-build  attack dist/ as it stands
  --list      print the attacks and the rows of docs/security.md that they test`;

const OPTIONS = {
  'no-build': { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
};

/**
 * One attack. `run` gets `startServer` (see lib/attack-target.mjs) and `log`, ends by itself, and is bounded in time and memory.
 *
 * @typedef {object} Attack
 * @property {string} name the file's name without its extension
 * @property {string[]} rows the requirements it tests, such as `WS-6`
 * @property {string} title one sentence that describes the attack
 * @property {(tools: { startServer: typeof startTarget, log: (line: string) => void }) =>
 *   Promise<{ held: boolean, figures: Record<string, unknown> }>} run
 */

/** @returns {Promise<Attack[]>} */
async function load(names) {
  const files = readdirSync(`${HERE}attacks`).filter((file) => file.endsWith('.mjs'));
  const all = await Promise.all(files.sort().map(async (file) => (await import(`./attacks/${file}`)).default));
  const unknown = names.filter((name) => !all.some((attack) => attack.name === name));
  if (unknown.length > 0)
    throw new Error(`no attack ${unknown.join(', ')}; there are ${all.map((one) => one.name).join(', ')}`);
  return names.length === 0 ? all : all.filter((attack) => names.includes(attack.name));
}

/** Runs one attack; one that fails to run or does not end counts as not held. */
async function runOne(attack) {
  console.log(`\n${attack.name} (${attack.rows.join(', ')}): ${attack.title}`);
  const startedAt = performance.now();
  let timer;
  const tooLong = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${LONGEST_MS / 1000} s`)), LONGEST_MS);
  });
  try {
    const running = attack.run({ startServer: startTarget, log: (line) => console.log(`  ${line}`) });
    const { held, figures } = await Promise.race([running, tooLong]);
    return { name: attack.name, rows: attack.rows, held, figures, seconds: secondsSince(startedAt) };
  } catch (error) {
    return {
      name: attack.name,
      rows: attack.rows,
      held: false,
      figures: { error: error.message },
      seconds: secondsSince(startedAt),
    };
  } finally {
    clearTimeout(timer);
    await stopTargets();
  }
}

function secondsSince(startedAt) {
  return Number(((performance.now() - startedAt) / 1000).toFixed(1));
}

function print({ name, held, figures, seconds }) {
  for (const [what, value] of Object.entries(figures))
    console.log(`  ${what}: ${typeof value === 'object' ? JSON.stringify(value) : value}`);
  console.log(`  ${held ? 'held' : 'NOT HELD'}: ${name} (${seconds} s)`);
}

async function main(argv) {
  const { values, positionals } = parseArgs({ args: argv, allowPositionals: true, options: OPTIONS });
  if (values.help) return console.log(USAGE);
  const attacks = await load(positionals);
  if (values.list)
    return attacks.forEach(({ name, rows, title }) => console.log(`${name} (${rows.join(', ')}): ${title}`));
  if (!values['no-build']) await build({ only: 'server' });
  const results = [];
  for (const attack of attacks) {
    results.push(await runOne(attack));
    print(results.at(-1));
  }
  mkdirSync(`${HERE}results`, { recursive: true });
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  const broken = results.filter(({ held }) => !held).map(({ name }) => name);
  console.log(
    `\n${results.length - broken.length} of ${results.length} held${broken.length > 0 ? `; not: ${broken.join(', ')}` : ''}`,
  );
  process.exitCode = broken.length === 0 ? 0 : 1;
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.once(signal, () => void stopTargets().finally(() => process.exit(code)));
}
await main(process.argv.slice(2));
