import { SERVERS } from './servers.mjs';

/** A server's display name. */
export const titleOf = (name) => SERVERS[name]?.title ?? name;

/** A number with three significant digits and thousands separators. */
export function number(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A target in words. */
export function sentence(target) {
  const to = target.against ? ` × ${titleOf(target.against)}` : '';
  const limit = target.atLeast === undefined ? `≤ ${target.atMost ?? target.absolute}` : `≥ ${target.atLeast}`;
  return `${titleOf(target.server)} ${limit}${to}`;
}

/** Prints one measure as a table, with its targets below. */
export function printTable(measure) {
  console.log(`\n  ${measure.title} [${measure.unit}]`);
  const rows = measure.rows.map((row) => [
    titleOf(row.server),
    number(row.absolute.median),
    `${number(row.absolute.min)}–${number(row.absolute.max)}`,
    row.ratio ? `${row.ratio.median.toFixed(2)} ×` : '',
    row.ratio ? `${row.ratio.min.toFixed(2)}–${row.ratio.max.toFixed(2)}` : '',
  ]);
  const head = ['', 'median', 'spread', `to ${titleOf(measure.base)}`, 'spread'];
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  for (const row of [head, ...rows]) {
    console.log(
      `    ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ')}`,
    );
  }
  for (const target of measure.targets) {
    const reached = target.reached === null ? 'not measured, it failed' : target.reached.toFixed(2);
    console.log(`    ${target.met ? 'met   ' : 'MISSED'} ${sentence(target)}: ${reached}`);
  }
}
