import { GraphQLScalarType } from 'graphql';

/** `JSON`: a value that passes through as it was published. It is an output only, so there is nothing to parse. */
export const GraphQLJson = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  description: 'Any JSON value.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
});
