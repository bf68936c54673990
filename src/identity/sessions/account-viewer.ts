import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';
import { UnauthenticatedError } from '../../live/errors/sallyport.errors.js';
import type { GraphqlContext } from '../../live/viewer/graphql-context.js';
import type { Viewer, ViewerId } from '../../live/viewer/viewer.js';

const USER_PREFIX = 'user:';

/** A viewer that is signed in with an account. */
export interface AccountViewer extends Viewer {
  readonly kind: 'account';
  /** The account's UUID. */
  readonly userId: string;
  /** The public id of the session of this request or socket. */
  readonly sessionId: string;
}

/**
 * The viewer of a session.
 *
 * @param id the viewer id, if it is known as a string: a socket keeps it
 */
export function accountViewer(userId: string, sessionId: string, id: ViewerId = `user:${userId}`): AccountViewer {
  return { kind: 'account', id, userId, sessionId };
}

/** The account's UUID in a viewer id; null for a viewer of another kind. */
export function userIdOf(viewer: ViewerId): string | null {
  return viewer.startsWith(USER_PREFIX) ? viewer.slice(USER_PREFIX.length) : null;
}

/** The viewer if it is an account, else null. */
export function asAccount(viewer: Viewer | null): AccountViewer | null {
  return viewer && (viewer as Partial<AccountViewer>).kind === 'account' ? (viewer as AccountViewer) : null;
}

/** The verified viewer, for fields that require an account (sessions, password). Throws `UNAUTHENTICATED` otherwise. */
export const CurrentAccount = createParamDecorator((_: unknown, context: ExecutionContext): AccountViewer => {
  const account = asAccount(GqlExecutionContext.create(context).getContext<GraphqlContext>().viewer);
  if (!account) throw new UnauthenticatedError();
  return account;
});
