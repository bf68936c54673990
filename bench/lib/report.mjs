import { cpus, loadavg } from 'node:os';
import { median, spread } from './stats.mjs';

/** The machine that the figures come from. */
export function machine() {
  const [first] = cpus();
  return {
    cores: cpus().length,
    model: first?.model ?? 'unknown',
    node: process.version,
    platform: process.platform,
    loadAverage: loadavg()[2],
  };
}

/** Ratios within each round, since a temporary slowdown of the machine affects both sides. */
function ratios(values, base) {
  return values.map((value, round) => value / base[round]);
}

/** Null if this run does not compare both; `reached` is null if the other one failed. */
function verdict(target, values, failed) {
  if (failed.has(target.against)) return { ...target, reached: null, met: false };
  const own = values[target.server];
  const base = target.against ? values[target.against] : null;
  if (!own || (target.against && !base)) return null;
  const reached = base ? median(ratios(own, base)) : median(own);
  const limit = target.atMost ?? target.atLeast ?? target.absolute;
  return { ...target, reached, met: target.atLeast === undefined ? reached <= limit : reached >= limit };
}

/**
 * What a scenario returned, with medians, spread, ratios to bare `ws` and verdicts.
 *
 * @param measure `{ id, title, unit, values: { server: [number] }, base?, targets?, higherIsBetter?, chart?, note? }`;
 *   `base` is the server that ratios are taken to, default `ws`
 * @param failed the peers that failed, and have no figures
 */
export function summarise(measure, failed = new Set()) {
  const baseName = measure.base ?? 'ws';
  const base = measure.values[baseName] ?? null;
  const rows = Object.entries(measure.values).map(([server, values]) => ({
    server,
    absolute: spread(values),
    ratio: base ? spread(ratios(values, base)) : null,
    values,
  }));
  const targets = (measure.targets ?? []).map((target) => verdict(target, measure.values, failed)).filter(Boolean);
  const { values: _values, ...rest } = measure;
  return { ...rest, base: baseName, rows, targets, failed: [...failed] };
}
