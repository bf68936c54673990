import { randomBytes } from 'node:crypto';

/**
 * The environment. Secrets that are not set are generated at each start, which signs everyone out. Set them for
 * anything beyond a trial.
 */
export const settings = {
  port: Number(process.env.PORT ?? 3000),
  /** 32 bytes in hexadecimal. */
  cookieKey: process.env.COOKIE_KEY ?? randomBytes(32).toString('hex'),
  secretKeys: process.env.SECRET_KEYS?.split(',') ?? [randomBytes(48).toString('base64')],
};
