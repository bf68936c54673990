import { readOrMakeSecret } from './secret-file.js';
import { EnvironmentSchema, type Environment } from './environment.js';
import { isLoopback, parseShop } from './grammar.js';
import type { Config } from './config.js';

/** Either the configuration, or every fault at once. A fault names the variable, never its value. */
export type ConfigOutcome =
  { readonly ok: true; readonly config: Config } | { readonly ok: false; readonly faults: readonly string[] };

/**
 * Reads the environment once, at start.
 *
 * An empty value counts as absent. Outside production a missing `SECRET_KEYS` is made once and kept in `DATA_DIR`;
 * production refuses to start without it, without an https `PUBLIC_URL` (loopback excepted), and without `PUBLIC_URL` at all.
 * Without `NODE_ENV` this is development, and then `HOST` stays on this machine.
 *
 * @param source the environment, usually `process.env`
 */
export function loadConfig(source: Readonly<Record<string, string | undefined>> = process.env): ConfigOutcome {
  const given = Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
  const parsed = EnvironmentSchema.safeParse(given);
  if (!parsed.success)
    return { ok: false, faults: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) };
  const faults = crossFaults(parsed.data);
  return faults.length > 0 ? { ok: false, faults } : { ok: true, config: freeze(toConfig(parsed.data)) };
}

function crossFaults(env: Environment): string[] {
  const faults: string[] = [];
  const production = env.NODE_ENV === 'production';
  if (!env.NODE_ENV && !isLoopback(env.HOST)) {
    faults.push(
      'NODE_ENV: say production or development where HOST is beyond this machine: development shows the schema and GraphiQL',
    );
  }
  if (production && env.SECRET_KEYS.length === 0)
    faults.push('SECRET_KEYS: production needs at least one key of 32 bytes or more');
  if (namesTwice(env.SECRET_KEYS)) faults.push('SECRET_KEYS: the same key stands there twice');
  if (production && !env.PUBLIC_URL) faults.push('PUBLIC_URL: production needs the https origin that people use');
  if (production && env.PUBLIC_URL && !isSafeOrigin(env.PUBLIC_URL)) {
    faults.push(
      'PUBLIC_URL: must be https in production, or else session cookies travel in the clear (loopback excepted)',
    );
  }
  if (env.SESSION_IDLE_SECONDS > env.SESSION_ABSOLUTE_SECONDS) {
    faults.push('SESSION_IDLE_SECONDS: must not exceed SESSION_ABSOLUTE_SECONDS');
  }
  if (env.APP_PROXY_SECRET && env.APP_PROXY_SHOPS.length === 0)
    faults.push('APP_PROXY_SHOPS: name the shops that APP_PROXY_SECRET signs for');
  if (!env.APP_PROXY_SECRET && env.APP_PROXY_SHOPS.length > 0)
    faults.push('APP_PROXY_SECRET: needed to verify the requests of APP_PROXY_SHOPS');
  if (namesTwice(env.APP_PROXY_SHOPS.flatMap((shop) => parseShop(shop)?.origins ?? []))) {
    faults.push('APP_PROXY_SHOPS: a shop or one of its own domains stands there twice');
  }
  if (production && !env.APP_PROXY_SHOPS.every((shop) => parseShop(shop)?.origins.every(isSafeOrigin))) {
    faults.push(
      'APP_PROXY_SHOPS: a shop is https in production, or else tokens travel in the clear (loopback excepted)',
    );
  }
  if (env.APP_PROXY_SECRET && env.SECRET_KEYS.includes(env.APP_PROXY_SECRET)) {
    faults.push('APP_PROXY_SECRET: must not be one of SECRET_KEYS, one secret serves one purpose');
  }
  return faults;
}

function namesTwice(names: readonly string[]): boolean {
  return new Set(names).size !== names.length;
}

function isSafeOrigin(publicUrl: string): boolean {
  const url = new URL(publicUrl);
  return url.protocol === 'https:' || isLoopback(url.hostname);
}

function toConfig(env: Environment): Config {
  const publicUrl = new URL(env.PUBLIC_URL ?? `http://localhost:${env.PORT}`).origin;
  const production = env.NODE_ENV === 'production';
  return {
    http: {
      production,
      host: env.HOST,
      port: env.PORT,
      publicUrl,
      secure: publicUrl.startsWith('https:'),
      trustedProxies: env.TRUSTED_PROXIES,
      allowedOrigins: env.ALLOWED_ORIGINS.map((origin) => new URL(origin).origin),
      graphiql: env.GRAPHIQL ?? !production,
    },
    database: { url: env.DATABASE_URL ?? null, dataDir: env.DATA_DIR },
    redis: { url: env.REDIS_URL ?? null },
    secrets: { keys: env.SECRET_KEYS.length > 0 ? env.SECRET_KEYS : [readOrMakeSecret(env.DATA_DIR)] },
    session: { idleSeconds: env.SESSION_IDLE_SECONDS, absoluteSeconds: env.SESSION_ABSOLUTE_SECONDS },
    token: { ttlSeconds: env.TOKEN_TTL_SECONDS, singleUse: env.TOKEN_SINGLE_USE, issuer: publicUrl },
    feeds: { userCountIntervalSeconds: env.USER_COUNT_INTERVAL_SECONDS },
    appProxy: {
      secret: env.APP_PROXY_SECRET ?? null,
      shops: env.APP_PROXY_SHOPS.flatMap((shop) => parseShop(shop) ?? []),
      bind: env.APP_PROXY_BIND,
    },
    limits: {
      maxConnections: env.MAX_CONNECTIONS,
      maxConnectionsPerAddress: env.MAX_CONNECTIONS_PER_ADDRESS,
      maxConnectionsPerViewer: env.MAX_CONNECTIONS_PER_VIEWER,
      throttleExempt: env.THROTTLE_EXEMPT,
    },
    logging: { level: env.LOG_LEVEL },
  };
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freeze(part);
  return Object.freeze(value);
}
