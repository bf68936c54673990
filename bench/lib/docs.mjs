import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NOTES } from './notes.mjs';
import { chart } from './svg.mjs';
import { number, sentence, titleOf } from './table.mjs';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));

/** A table of the servers, without ratios if there is no baseline. */
function figures({ base, rows }) {
  const compared = rows.some((row) => row.ratio);
  const lines = rows.map(({ server, absolute, ratio }) => [
    titleOf(server),
    number(absolute.median),
    `${number(absolute.min)}–${number(absolute.max)}`,
    ...(ratio ? [ratio.median.toFixed(2), `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`] : []),
  ]);
  const head = ['server', 'median', 'spread', ...(compared ? [`× ${titleOf(base)}`, 'spread'] : [])];
  const rule = ['---', ...head.slice(1).map(() => '---:')].join('|');
  return [`| ${head.join(' | ')} |`, `|${rule}|`, ...lines.map((line) => `| ${line.join(' | ')} |`)].join('\n');
}

function section(measure) {
  const failures = (measure.failed ?? []).map(
    (server) => `${titleOf(server)} failed in this run and has no figures here.`,
  );
  const notes = [...failures, measure.note, NOTES[measure.id]].filter(Boolean);
  const note = notes.map((text) => `\n\n${text}`).join('');
  const repeats = measure.rows[0]?.absolute.repeats;
  return `### ${measure.title} [${measure.unit}], ${repeats} repeats\n\n${figures(measure)}${note}\n`;
}

function outcome({ reached, met }) {
  if (reached === null) return '**not measured**';
  return met ? 'met' : '**missed**';
}

function targets(results) {
  const rows = results.flatMap((measure) =>
    measure.targets.map(
      (target) =>
        `| ${measure.title} | ${sentence(target)} | ${target.reached === null ? 'it failed' : number(target.reached)} | ${outcome(target)} |`,
    ),
  );
  return `| measure | target | reached | |\n|---|---|---:|---|\n${rows.join('\n')}\n`;
}

/**
 * A run keeps both cores busy; a higher load comes from other processes and widens the spread. Except for `many`, whose
 * nodes are as many processes.
 */
function disturbed({ loadAverage, cores }, results) {
  if (!(loadAverage > cores + 1) || results.some(({ id }) => id.startsWith('many-'))) return '';
  return ` The machine was not idle: its load average was
${loadAverage.toFixed(0)} on ${cores} cores, so ratios count, not absolute figures, and rates by the clock (opening, latency) least of all.`;
}

/** Writes docs/benchmarks.md and docs/benchmarks.svg. */
export function writeDocs(report) {
  const { machine, results, runs = 1 } = report;
  writeFileSync(`${DOCS}benchmarks.svg`, chart(results.filter((measure) => measure.chart)));
  const text = `# Benchmarks

Made by \`npm run bench\`${runs > 1 ? `, joined from ${runs} runs, the last` : ''} on ${report.at.slice(0, 10)}: ${machine.cores} cores (${machine.model}), Node ${machine.node}.
Do not edit: the next run overwrites this file. How it is measured: [bench/README.md](../bench/README.md).

Every server runs on one core, the load generator on the other. Figures are medians of interleaved repeats, given with their number,
lowest and highest; a ratio to bare \`ws\` is taken within each round. Sallyport is the built server in production mode with every
check on, its sockets opened with real tokens of seeded accounts; its peers check nothing.${disturbed(machine, results)}

![Each measure as a multiple of bare ws](benchmarks.svg)

## Targets

${targets(results)}
## Figures

${results.map(section).join('\n')}`;
  writeFileSync(`${DOCS}benchmarks.md`, text);
  console.log('Wrote docs/benchmarks.md and docs/benchmarks.svg');
}
