import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';
import { UnauthenticatedError } from '../errors/sallyport.errors.js';
import type { GraphqlContext } from './graphql-context.js';
import type { Viewer } from './viewer.js';

/** The GraphQL context of the running resolver. */
export const Context = createParamDecorator((_: unknown, context: ExecutionContext): GraphqlContext =>
  GqlExecutionContext.create(context).getContext<GraphqlContext>(),
);

/** The verified viewer. Refuses with `UNAUTHENTICATED` when nobody is signed in. */
export const CurrentViewer = createParamDecorator((_: unknown, context: ExecutionContext): Viewer => {
  const { viewer } = GqlExecutionContext.create(context).getContext<GraphqlContext>();
  if (!viewer) throw new UnauthenticatedError();
  return viewer;
});
