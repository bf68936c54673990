import { AbstractGraphQLDriver } from '@nestjs/graphql';

type Filter = (payload: unknown, variables: unknown, context: unknown) => boolean | Promise<boolean>;
type Subscribe = (...args: readonly unknown[]) => Promise<AsyncIterable<unknown>>;

/** Builds the schema and serves nothing over HTTP, so that no GraphQL server needs to be installed. */
export class SchemaDriver extends AbstractGraphQLDriver {
  override async start(): Promise<void> {}
  override async stop(): Promise<void> {}

  /** As Apollo's driver does it: Nest's own ignores the filter. */
  override subscriptionWithFilter(resolver: unknown, filter: Filter, create: () => Subscribe): Subscribe {
    return async (...args) => {
      const [, variables, context] = args;
      const passes = async (payload: unknown): Promise<boolean> => filter.call(resolver, payload, variables, context);
      return filtered(await create()(...args), (payload) => passes(payload).catch(() => false));
    };
  }
}

/** Not an async generator, because its `return()` would wait for the next value. */
function filtered(
  values: AsyncIterable<unknown>,
  passes: (value: unknown) => Promise<boolean>,
): AsyncIterableIterator<unknown> {
  const source = values[Symbol.asyncIterator]();
  const passing: AsyncIterableIterator<unknown> = {
    async next() {
      for (;;) {
        const step = await source.next();
        if (step.done || (await passes(step.value))) return step;
      }
    },
    async return() {
      await source.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => passing,
  };
  return passing;
}
