import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type SessionPort, viewerId } from 'sallyport';

declare module '@fastify/secure-session' {
  interface SessionData {
    /** The id of a row of {@link SessionService}. */
    id: string;
  }
}

interface Session {
  readonly user: string;
  readonly endsAt: Date;
}

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * The application's own sessions. The cookie is encrypted and holds an id; what it stands for is kept here, so that a session can be
 * revoked. A stand-in for your table.
 */
@Injectable()
export class SessionService implements SessionPort<FastifyRequest> {
  readonly #sessions = new Map<string, Session>();

  open(request: FastifyRequest, user: string): void {
    const id = randomUUID();
    this.#sessions.set(id, { user, endsAt: new Date(Date.now() + WEEK_MS) });
    request.session.set('id', id);
  }

  /** @returns the id of the session that has ended; undefined for a visitor */
  end(request: FastifyRequest): string | undefined {
    const id = request.session.get('id');
    if (id !== undefined) this.#sessions.delete(id);
    return id;
  }

  userOf(request: FastifyRequest): string | undefined {
    return this.#live(request.session.get('id') ?? '')?.user;
  }

  /** Asked by Sallyport before it makes a token. */
  read(request: FastifyRequest): ReturnType<SessionPort['read']> {
    const session = request.session.get('id') ?? '';
    const user = this.#live(session)?.user;
    return user === undefined ? null : { viewer: viewerId('app', user), session };
  }

  /** Asked by Sallyport for the sessions of all open sockets. */
  status(ids: readonly string[]): ReadonlyMap<string, Date> {
    return new Map(
      ids.flatMap((id) => {
        const session = this.#live(id);
        return session ? [[id, session.endsAt] as const] : [];
      }),
    );
  }

  #live(id: string): Session | undefined {
    const session = this.#sessions.get(id);
    return session && session.endsAt > new Date() ? session : undefined;
  }
}
