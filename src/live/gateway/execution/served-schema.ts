import type { ModulesContainer } from '@nestjs/core';
import { GraphQLModule, GraphQLSchemaHost } from '@nestjs/graphql';
import type { GraphQLSchema } from 'graphql';
import { StartError } from '../../errors/sallyport.errors.js';

/**
 * Returns the schema that sockets serve, once Nest has built it: of the application's only `GraphQLModule`, or of
 * several the one at the path of the sockets; null without any.
 *
 * @throws StartError when there are several and none is at the path
 */
export function servedSchema(modules: ModulesContainer, path: string): GraphQLSchema | null {
  const built = [...modules.values()].flatMap(({ providers }) => {
    const host = providers.get(GraphQLSchemaHost)?.instance as GraphQLSchemaHost | undefined;
    const module = providers.get(GraphQLModule)?.instance as GraphQLModule | undefined;
    return host ? [{ schema: host.schema, path: module?.completeOptions?.path }] : [];
  });
  const [first, ...others] = built;
  if (!first) return null;
  const served = others.length === 0 ? first : built.find((one) => one.path === path);
  if (!served)
    throw new StartError(
      `There are several GraphQLModules, and none at ${path}: give SallyportModule the path of the one whose subscriptions it serves.`,
    );
  return served.schema;
}
