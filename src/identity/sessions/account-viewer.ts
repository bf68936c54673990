import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';
import { UnauthenticatedError } from '../../live/errors/sallyport.errors.js';
import type { GraphqlContext } from '../../live/viewer/graphql-context.js';
import type { Viewer, ViewerId } from '../../live/viewer/viewer.js';

const USER_PREFIX = 'user:';

/** A viewer signed in with one of our accounts. */
export interface AccountViewer extends Viewer {
  readonly kind: 'account';
  /** The account's UUID. */
  readonly userId: string;
  /** The public id of the session that this request or socket stands on. */
  readonly sessionId: string;
}

/** The viewer that stands on one session of an account. */
export function accountViewer(userId: string, sessionId: string): AccountViewer {
  return { kind: 'account', id: `user:${userId}`, userId, sessionId };
}

/** The account's UUID in a viewer id; null for a viewer of another way in. */
export function userIdOf(viewer: ViewerId): string | null {
  return viewer.startsWith(USER_PREFIX) ? viewer.slice(USER_PREFIX.length) : null;
}

/** The viewer as an account, or null for a visitor and for a viewer of another way in. */
export function asAccount(viewer: Viewer | null): AccountViewer | null {
  return viewer && (viewer as Partial<AccountViewer>).kind === 'account' ? (viewer as AccountViewer) : null;
}

/** The verified viewer where only an account will do (sessions, password). Refuses customers and visitors with `UNAUTHENTICATED`. */
export const CurrentAccount = createParamDecorator((_: unknown, context: ExecutionContext): AccountViewer => {
  const account = asAccount(GqlExecutionContext.create(context).getContext<GraphqlContext>().viewer);
  if (!account) throw new UnauthenticatedError();
  return account;
});
