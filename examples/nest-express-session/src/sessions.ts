import { RedisStore } from 'connect-redis';
import type { Request } from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { type SessionPort, viewerId } from 'sallyport';
import { settings } from './settings';

declare module 'express-session' {
  interface SessionData {
    /** The name of the user who is signed in. */
    user: string;
  }
}

const PREFIX = 'sess:';
const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

export const redis = createClient({ url: settings.redisUrl });
// It reconnects by itself; without a listener the process would end.
redis.on('error', (error: Error) => console.error(`Redis: ${error.message}`));

/** The application's own sessions, as any Express application has them. */
export const sessionMiddleware = session({
  store: new RedisStore({ client: redis, prefix: PREFIX }),
  secret: settings.sessionSecret,
  cookie: { maxAge: WEEK_MS, sameSite: 'lax' },
  resave: false,
  saveUninitialized: false,
});

/** The same sessions, as Sallyport asks for them. */
export const sessionPort: SessionPort<Request> = {
  // The cookie has the session's id and a signature, so the id alone, which the token carries, takes no session over.
  read: ({ session, sessionID }) =>
    session.user === undefined ? null : { viewer: viewerId('app', session.user), session: sessionID },
  status: async (ids) => {
    const ttls = await Promise.all(ids.map((id) => redis.pTTL(PREFIX + id)));
    const live = ids.flatMap((id, at) => (ttls[at] > 0 ? [[id, new Date(Date.now() + ttls[at])] as const] : []));
    return new Map(live);
  },
};
