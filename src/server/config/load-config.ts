import { StartError } from '../../live/errors/sallyport.errors.js';
import { brokenRules, isPublicWithoutNodeEnv } from './config-rules.js';
import type { Config, ServerConfig } from './config.js';
import type { MetricsConfig } from '../metrics/metrics.config.js';
import type { LimitsConfig, StoreConfig } from '../../live/live.config.js';
import { parseAddressRanges } from '../../live/viewer/client-address.js';
import { EnvironmentSchema, readEnvironment, type Environment } from './environment.js';
import { parseWebhookSecret, type WebhookConfig } from '../webhooks/webhook.config.js';
import type { TracingConfig } from '../tracing/tracing.config.js';
import { parseShop } from './grammar.js';
import { readOrMakeSecret, SecretFolderError } from './secret-file.js';
import { type ResolvedSecrets, resolveSecrets } from './secret-reference.js';

const MEBIBYTE = 1024 * 1024;
const DEFAULT_IDLE_SECONDS = 7 * 86_400;

/** The configuration, or all errors at once. An error names the variable, never its value. */
export type ConfigOutcome =
  { readonly ok: true; readonly config: Config } | { readonly ok: false; readonly faults: readonly string[] };

/**
 * Reads the environment once, at start.
 *
 * An empty value counts as absent; a secret may be `@path`. Outside production a missing `SECRET_KEYS` is generated
 * once and kept in `DATA_DIR`. Production refuses missing or weak values, each by name. Without `NODE_ENV` this is
 * development: `HOST` must be loopback, and with a public https `PUBLIC_URL` neither the schema nor GraphiQL is
 * available, and metrics are as in production.
 *
 * @param source the environment, usually `process.env`
 */
export function loadConfig(source: Readonly<Record<string, string | undefined>> = process.env): ConfigOutcome {
  const resolved = resolve(source);
  const { values, faults } = readEnvironment(resolved.env);
  const found = { values, faults: new Map([...faults, ...resolved.faults]) };
  const all = [...found.faults, ...brokenRules(found)].map(([name, message]) => `${name}: ${message}.`);
  if (all.length > 0) return { ok: false, faults: all };
  try {
    // Without errors every variable is present.
    return { ok: true, config: freeze(toConfig(values as Environment)) };
  } catch (error) {
    if (error instanceof SecretFolderError) return { ok: false, faults: [`DATA_DIR: ${error.message}.`] };
    throw error;
  }
}

/**
 * The environment from which {@link loadConfig} makes the same configuration in another process, even if files that it
 * names have changed since. It contains secrets.
 *
 * @param config what `loadConfig` made of `source`
 */
export function environmentOf(
  { secrets }: Config,
  source: Readonly<Record<string, string | undefined>> = process.env,
): Readonly<Record<string, string>> {
  const { env } = resolve(source);
  const names = Object.keys(EnvironmentSchema.shape).filter((name) => env[name] !== undefined);
  return { ...Object.fromEntries(names.map((name) => [name, env[name]!])), SECRET_KEYS: secrets.keys.join(',') };
}

/** What is wrong with a configuration, for the operator: one fault a line. */
export function configurationError(faults: readonly string[]): StartError {
  return new StartError(`The configuration is invalid:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
}

/** Spaces and line ends around a value are not part of it: `docker run --env-file` keeps those of a file from Windows. */
function resolve(source: Readonly<Record<string, string | undefined>>): ResolvedSecrets {
  const trimmed = Object.entries(source).map(([name, value = '']) => [name, value.trim()] as const);
  return resolveSecrets(Object.fromEntries(trimmed.filter(([, value]) => value !== '')));
}

function toConfig(env: Environment): Config {
  const http = httpOf(env);
  return {
    http,
    workers: env.WORKERS,
    database: { url: env.DATABASE_URL ?? null, listenUrl: env.DATABASE_LISTEN_URL, dataDir: env.DATA_DIR },
    store: storeOf(env),
    secrets: { keys: env.SECRET_KEYS.length > 0 ? env.SECRET_KEYS : [readOrMakeSecret(env.DATA_DIR)] },
    session: {
      idleSeconds: env.SESSION_IDLE_SECONDS ?? Math.min(DEFAULT_IDLE_SECONDS, env.SESSION_ABSOLUTE_SECONDS),
      absoluteSeconds: env.SESSION_ABSOLUTE_SECONDS,
    },
    token: { ttlSeconds: env.TOKEN_TTL_SECONDS, singleUse: env.TOKEN_SINGLE_USE, issuer: http.publicUrl },
    feeds: { userCountIntervalSeconds: env.USER_COUNT_INTERVAL_SECONDS },
    appProxy: {
      secret: env.APP_PROXY_SECRET ?? null,
      shops: env.APP_PROXY_SHOPS.flatMap((shop) => parseShop(shop) ?? []),
      bind: env.APP_PROXY_BIND,
    },
    issuers: { issuers: env.TRUSTED_ISSUERS },
    limits: limitsOf(env),
    audit: { retentionDays: env.AUDIT_RETENTION_DAYS },
    registration: { mode: env.REGISTRATION },
    webhooks: webhooksOf(env),
    metrics: metricsOf(env),
    tracing: tracingOf(env),
    logging: { level: env.LOG_LEVEL },
  };
}

function httpOf(env: Environment): ServerConfig {
  const publicUrl = new URL(env.PUBLIC_URL ?? `http://localhost:${env.PORT}`).origin;
  const closed = isClosed(env);
  return {
    production: env.NODE_ENV === 'production',
    host: env.HOST,
    port: env.PORT,
    publicUrl,
    secure: publicUrl.startsWith('https:'),
    trustedProxies: parseAddressRanges(env.TRUSTED_PROXIES),
    allowedOrigins: env.ALLOWED_ORIGINS.map((origin) => new URL(origin).origin),
    graphiql: env.GRAPHIQL ?? !closed,
    introspection: !closed,
  };
}

/** Whether what is for developers and operators must not be public. */
function isClosed(env: Environment): boolean {
  return env.NODE_ENV === 'production' || isPublicWithoutNodeEnv(env);
}

function webhooksOf({ WEBHOOK_URL: url, WEBHOOK_SECRET: secrets }: Environment): WebhookConfig {
  return { url: url ?? null, secrets: secrets.flatMap((text) => parseWebhookSecret(text) ?? []) };
}

function metricsOf(env: Environment): MetricsConfig {
  const { METRICS_PORT: port = null, HOST: host } = env;
  if (!isClosed(env)) return { port, host, onServer: 'everybody' };
  return { port, host, onServer: port === null ? 'private' : 'nobody' };
}

/** An endpoint for traces is used as it is; one for every signal is the base of the path that OTLP defines. */
function tracingOf(env: Environment): TracingConfig | null {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = env;
  const url = own ?? (base && `${base.replace(/\/$/, '')}/v1/traces`);
  if (url === undefined || env.OTEL_SDK_DISABLED) return null;
  const { 'service.name': named, ...attributes } = env.OTEL_RESOURCE_ATTRIBUTES;
  return {
    url,
    headers: env.OTEL_EXPORTER_OTLP_HEADERS,
    timeoutMs: env.OTEL_EXPORTER_OTLP_TIMEOUT,
    sampler: env.OTEL_TRACES_SAMPLER,
    ratio: env.OTEL_TRACES_SAMPLER_ARG,
    serviceName: env.OTEL_SERVICE_NAME ?? named ?? 'sallyport',
    attributes,
  };
}

const REDIS_OR_POSTGRES = { url: 'REDIS_URL', instead: 'set STORE=postgres to use PostgreSQL as the store' } as const;

/** Rules have checked that the URL of a named store is there. */
function storeOf(env: Environment): StoreConfig {
  const { DATABASE_URL: postgres, REDIS_URL: redis, DATABASE_LISTEN_URL: listenUrl } = env;
  const kind = env.STORE ?? (redis ? 'redis' : postgres ? 'postgres' : 'memory');
  if (kind === 'redis' && redis) return { kind, url: redis, ...(postgres && { settings: REDIS_OR_POSTGRES }) };
  if (kind === 'postgres' && postgres) return { kind, url: postgres, listenUrl };
  return { kind: 'memory' };
}

function limitsOf(env: Environment): LimitsConfig {
  return {
    maxConnections: env.MAX_CONNECTIONS,
    maxConnectionsPerAddress: env.MAX_CONNECTIONS_PER_ADDRESS,
    maxConnectionsPerViewer: env.MAX_CONNECTIONS_PER_VIEWER,
    maxHistoryBytes: env.MAX_HISTORY_MEBIBYTES * MEBIBYTE,
    throttleExempt: parseAddressRanges(env.THROTTLE_EXEMPT),
  };
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freeze(part);
  return Object.freeze(value);
}
