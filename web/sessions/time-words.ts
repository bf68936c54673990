const STEPS: readonly (readonly [number, Intl.RelativeTimeFormatUnit])[] = [
  [60, 'second'],
  [60, 'minute'],
  [24, 'hour'],
  [Number.POSITIVE_INFINITY, 'day'],
];

/** In the language of the pages, since the words are parts of their sentences. */
const FORMAT = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** A time relative to now: "3 minutes ago", "in 30 days"; "just now" within a minute. */
export function timeWords(instant: string, now = Date.now()): string {
  let amount = (Date.parse(instant) - now) / 1000;
  if (Math.abs(amount) < 60) return 'just now';
  for (const [size, unit] of STEPS) {
    if (Math.round(Math.abs(amount)) < size) return FORMAT.format(Math.round(amount), unit);
    amount /= size;
  }
  return '';
}
