import { fromNodeHeaders } from 'better-auth/node';
import type { Request } from 'express';
import { type SessionPort, viewerId } from 'sallyport';
import { auth } from './auth.js';

/** The session of the user who is signed in; null for a visitor. */
export function sessionOf(request: Request): ReturnType<typeof auth.api.getSession> {
  return auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
}

/** better-auth's sessions, as Sallyport asks for them. */
export const sessionPort: SessionPort<Request> = {
  async read(request) {
    const found = await sessionOf(request);
    // The id, never `session.token`: that is the secret in the cookie.
    return found && { viewer: viewerId('app', found.user.id), session: found.session.id };
  },
  async status(ids) {
    const { adapter } = await auth.$context;
    const found = await adapter.findMany<{ id: string; expiresAt: Date }>({
      model: 'session',
      where: [
        { field: 'id', operator: 'in', value: [...ids] },
        { field: 'expiresAt', operator: 'gt', value: new Date() },
      ],
      // better-auth's default is 100.
      limit: ids.length,
    });
    return new Map(found.map(({ id, expiresAt }) => [id, expiresAt]));
  },
};
