import type { Viewer } from './viewer.js';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';
import { UnauthenticatedError } from '../errors/sallyport.errors.js';

/** What is known of the machine that asks, the same on both transports. */
export interface ClientFacts {
  /** The client's address after trusted proxies, IPv4-mapped IPv6 written as IPv4. */
  readonly address: string;
  /** The User-Agent header, at most 512 characters, or null when none came. */
  readonly userAgent: string | null;
}

/**
 * What every resolver gets as its context. It is made before the resolver runs and says nothing of the transport.
 */
export interface GraphqlContext {
  /** Who asks, verified; null for a visitor. */
  readonly viewer: Viewer | null;
  readonly client: ClientFacts;
  /** The cookies of request and answer. On a socket there are none, and mutations never run there. */
  readonly cookies: ContextCookies;
  /** When a request must be answered, by `performance.now()`. Absent on a socket, which outlives any answer. */
  readonly answerByMs?: number;
}

/** The cookies that came, and those of the answer being made. */
export interface ContextCookies {
  /** The request's `Cookie` header; never logged. */
  readonly sent: string | undefined;
  /** Sets one cookie by a whole `Set-Cookie` value (RFC 6265 §4.1), in the place of one of the same name. */
  set(header: string): void;
}

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
