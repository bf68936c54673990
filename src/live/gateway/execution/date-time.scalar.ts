import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';
import { isInstant } from '../../instant.js';

/** What `toISOString` returns, for every day but 29 February: written as it is. */
const WRITTEN =
  /^\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/**
 * `DateTime`: an instant, written as RFC 3339 in UTC. A resolver may return a `Date`, or the text of a JSON payload.
 * Refuses other values, such as text without an offset, whose meaning would depend on the time zone of the node.
 */
export const GraphQLDateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description: 'A date-time string at UTC, such as 2019-12-03T09:54:33Z, compliant with the date-time format.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time.html',
  serialize: (value) => (typeof value === 'string' && WRITTEN.test(value) ? value : instant(value).toISOString()),
  parseValue: instant,
  parseLiteral: (node) => instant(node.kind === Kind.STRING ? node.value : null),
});

function instant(value: unknown): Date {
  const date =
    value instanceof Date ? value : new Date(typeof value === 'string' && isInstant(value) ? value : Number.NaN);
  if (Number.isNaN(date.getTime()))
    throw new GraphQLError('DateTime must be a date and time in RFC 3339, such as 2026-01-31T12:00:00Z.');
  return date;
}
