const STEPS: readonly (readonly [number, Intl.RelativeTimeFormatUnit])[] = [
  [60, 'second'],
  [60, 'minute'],
  [24, 'hour'],
  [Number.POSITIVE_INFINITY, 'day'],
];

/** A time relative to now: "3 minutes ago", "in 30 days"; "just now" within a minute. */
export function timeWords(instant: string, now = Date.now(), language?: string): string {
  let amount = (Date.parse(instant) - now) / 1000;
  if (Math.abs(amount) < 60) return 'just now';
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  for (const [size, unit] of STEPS) {
    if (Math.abs(amount) < size) return format.format(Math.round(amount), unit);
    amount /= size;
  }
  return '';
}
