const RFC_3339 =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3])(?::[0-5]\d){2}(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const DATE_LENGTH = 'YYYY-MM-DD'.length;
/** Days that every month has. */
const SHORTEST_MONTH = 28;
/** RFC 3339 has years of four digits, in UTC too. */
const FIRST_MS = Date.parse('0000-01-01T00:00:00Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * Whether text is an instant of RFC 3339 that a `Date` can represent, so without leap seconds, and with a year from 0000
 * to 9999 in UTC. Without `Date` where the text alone tells it: that takes five times as long.
 */
export function isInstant(text: string): boolean {
  return RFC_3339.test(text) && isDate(text.slice(0, DATE_LENGTH)) && hasYearInUtc(text);
}

/** Whether its month has this day: to `Date`, 30 February is 2 March. */
function isDate(date: string): boolean {
  const day = Number(date.slice(-2));
  return day <= SHORTEST_MONTH || new Date(date).getUTCDate() === day;
}

/** Only an offset from the first or last year leads out of the years from 0000 to 9999. */
function hasYearInUtc(text: string): boolean {
  if (!text.startsWith('0000') && !text.startsWith('9999')) return true;
  const atMs = Date.parse(text);
  return atMs >= FIRST_MS && atMs <= LAST_MS;
}
