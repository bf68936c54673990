import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { GraphQLModule, GraphQLSchemaHost } from '@nestjs/graphql';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import { StartError } from '../../errors/sallyport.errors.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../live.config.js';
import { LOGGER } from '../../logging/logger.js';
import { DocumentBudget } from './document-budget.js';
import { OperationCache } from './operation-cache.js';

/** The operations of the schema that sockets serve: of the application's own `GraphQLModule`. */
@Injectable()
export class ServedOperations {
  #cache: OperationCache | null = null;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly budget: DocumentBudget,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Whether there is a schema to serve, with a line in the log if there is none; call it when Nest has built it. An
   * application without a `GraphQLModule` has none: it publishes, and opens no sockets.
   *
   * @throws StartError when there are several and none is at the path of the sockets
   */
  exist(): boolean {
    if (servedSchema(this.modules, this.config.path)) return true;
    this.logger.warn('no sockets are opened: there is no schema. To serve subscriptions, import a GraphQLModule');
    return false;
  }

  /** Created at first use, when Nest has built the schema. */
  get cache(): OperationCache {
    return (this.#cache ??= new OperationCache(
      servedSchema(this.modules, this.config.path)!,
      this.config.introspection,
      this.budget,
    ));
  }
}

/**
 * Returns the schema of the application's only `GraphQLModule`, or of several the one at this path; null without any.
 *
 * @throws StartError when there are several and none is at the path
 */
function servedSchema(modules: ModulesContainer, path: string): GraphQLSchema | null {
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
