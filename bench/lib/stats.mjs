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
