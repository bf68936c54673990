/** The middle value; of an even number, the mean of the middle two. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, lowest and highest of the repeats. */
export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), repeats: values.length };
}

/** The quantiles of a Float64Array, which is not changed. */
export function quantiles(values) {
  const sorted = values.slice().sort();
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
  return values.length > 0 ? { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) } : null;
}
