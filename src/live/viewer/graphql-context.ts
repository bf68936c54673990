import type { Viewer } from './viewer.js';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';
import { UnauthenticatedError } from '../errors/sallyport.errors.js';

/** What is known about the client, the same on both transports. */
export interface ClientFacts {
  /** The client's address after trusted proxies, IPv4-mapped IPv6 written as IPv4. */
  readonly address: string;
  /** The User-Agent header, at most 512 characters, or null if there was none. */
  readonly userAgent: string | null;
  /** On a socket: the id of its upgrade, in each log line of the socket. */
  readonly requestId?: string;
}

/**
 * The context of every resolver, created before it runs and independent of the transport.
 */
export interface GraphqlContext {
  /** The verified viewer; null without a session. */
  readonly viewer: Viewer | null;
  readonly client: ClientFacts;
  /** The cookies of request and response. A socket has none, and mutations never run there. */
  readonly cookies: ContextCookies;
  /** The deadline for answering a request, by `performance.now()`. Absent on a socket. */
  readonly answerByMs?: number;
}

/** The cookies of the request, and those to set in the response. */
export interface ContextCookies {
  /** The request's `Cookie` header; never logged. */
  readonly sent: string | undefined;
  /** Sets one cookie by a whole `Set-Cookie` value (RFC 6265 §4.1), replacing one with the same name. */
  set(header: string): void;
}

/** The GraphQL context of the running resolver. */
export const Context = createParamDecorator((_: unknown, context: ExecutionContext): GraphqlContext =>
  GqlExecutionContext.create(context).getContext<GraphqlContext>(),
);

/** The verified viewer. Throws `UNAUTHENTICATED` without a session. */
export const CurrentViewer = createParamDecorator((_: unknown, context: ExecutionContext): Viewer => {
  const { viewer } = GqlExecutionContext.create(context).getContext<GraphqlContext>();
  if (!viewer) throw new UnauthenticatedError();
  return viewer;
});
