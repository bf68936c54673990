import { randomBytes } from 'node:crypto';

/**
 * The environment. Secrets that are not set are generated at each start, which signs everyone out. Set them for
 * anything beyond a trial, the same on every node.
 */
export const settings = {
  port: Number(process.env.PORT ?? 3000),
  redisUrl: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
  sessionSecret: process.env.SESSION_SECRET ?? randomBytes(32).toString('hex'),
  secretKeys: process.env.SECRET_KEYS?.split(',') ?? [randomBytes(48).toString('base64')],
};
