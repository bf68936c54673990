// `npm run attack [-- name…]`: attacks that load the machine, each against its own server on loopback.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from '../scripts/build.mjs';
import { startTarget, stopTargets } from './lib/attack-target.mjs';
import { loadNamed, runCommand } from './lib/command.mjs';
import { within } from './lib/within.mjs';

const ATTACKS = new URL('./attacks/', import.meta.url);
const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));
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

/** Runs one attack; one that fails to run or does not end counts as not held. */
async function runOne(attack) {
  console.log(`\n${attack.name} (${attack.rows.join(', ')}): ${attack.title}`);
  const startedAt = performance.now();
  try {
    const running = attack.run({ startServer: startTarget, log: (line) => console.log(`  ${line}`) });
    const { held, figures } = await within(LONGEST_MS, running, 'not over');
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
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  /** @type {Attack[]} */
  const attacks = await loadNamed(ATTACKS, positionals);
  if (values.list) {
    for (const { name, rows, title } of attacks) console.log(`${name} (${rows.join(', ')}): ${title}`);
    return 0;
  }
  if (!values['no-build']) await build({ only: 'server' });
  const results = [];
  for (const attack of attacks) {
    results.push(await runOne(attack));
    print(results.at(-1));
  }
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}attacks.json`, `${JSON.stringify(results, null, 2)}\n`);
  const broken = results.filter(({ held }) => !held).map(({ name }) => name);
  console.log(
    `\n${results.length - broken.length} of ${results.length} held${broken.length > 0 ? `; not: ${broken.join(', ')}` : ''}`,
  );
  return broken.length === 0 ? 0 : 1;
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.once(signal, () => void stopTargets().finally(() => process.exit(code)));
}
await runCommand(main);
