import { initGraphQLTada } from 'gql.tada';
import type { introspection } from './schema.js';

/** Parses an operation; its variables and result are typed from `schema.gql`. */
export const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { DateTime: string; JSON: unknown };
}>();
