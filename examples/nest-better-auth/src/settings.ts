import { randomBytes } from 'node:crypto';

const port = Number(process.env.PORT ?? 3000);

/**
 * The environment. Secrets that are not set are generated at each start, which signs everyone out. Set them for
 * anything beyond a trial.
 */
export const settings = {
  port,
  /** Where browsers find the application: better-auth takes sign-ins from there only. */
  baseUrl: process.env.BASE_URL ?? `http://127.0.0.1:${port}`,
  authSecret: process.env.BETTER_AUTH_SECRET ?? randomBytes(32).toString('hex'),
  secretKeys: process.env.SECRET_KEYS?.split(',') ?? [randomBytes(48).toString('base64')],
};
