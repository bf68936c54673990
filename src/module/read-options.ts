import type { Logger } from 'pino';
import { StartError } from '../live/errors/sallyport.errors.js';
import type { LiveConfig } from '../live/live-config.module.js';
import type { LimitsConfig, StoreConfig } from '../live/live.config.js';
import { AuditLog } from '../live/logging/audit-log.js';
import { isPostgresUrl } from '../live/store/postgres/postgres-url.js';
import { parseRedisUrl } from '../live/store/redis/redis-url.js';
import { isLongSecret } from '../live/tokens/keyring.js';
import { MAX_TOKEN_LIFE_SECONDS } from '../live/tokens/token-claims.js';
import { isTooWide, parseAddressRange, parseAddressRanges } from '../live/viewer/client-address.js';
import { isHttpOrigin } from '../live/gateway/admission/origin.policy.js';
import { NoneElsewhere } from '../live/gateway/connection/connections-elsewhere.js';
import { GRAPHQL_PATH } from '../protocol/payload.js';
import { AppRegistry } from './app-registry.js';
import { loggerToNest } from './logger-to-nest.js';
import type { LimitOptions, SallyportOptions, StoreOptions } from './options.js';
import { MetricsRegistry } from '../live/metrics-registry.js';

const MEBIBYTE = 1024 * 1024;
const DEFAULT_TTL_SECONDS = 60;
const DEFAULT_ISSUER = 'sallyport';
const LIMITS = {
  maxConnections: 100_000,
  maxConnectionsPerAddress: 200,
  maxConnectionsPerViewer: 20,
  maxHistoryMebibytes: 128,
} as const;
/** What messages call the options of a store. */
const STORE_SETTINGS = { url: 'store.url of SallyportModule', instead: "use the store 'memory' to run one node" };
const UNKNOWN = 'is not an option of SallyportModule';
const TOKEN_OPTIONS = ['ttlSeconds', 'singleUse', 'issuer'];
const STORE_OPTIONS = {
  memory: ['kind'],
  redis: ['kind', 'url'],
  postgres: ['kind', 'url', 'listenUrl'],
} satisfies Record<StoreOptions['kind'], string[]>;
const KNOWN: ReadonlySet<string> = new Set([
  'secretKeys',
  'sessions',
  'store',
  'path',
  'allowedOrigins',
  'trustedProxies',
  'token',
  'limits',
  'introspection',
  'context',
  'logger',
  'metrics',
] satisfies (keyof SallyportOptions)[]);

/**
 * Validates the options and adds defaults.
 *
 * @throws StartError that names every invalid option by its path, without values
 */
export function readOptions(given: SallyportOptions): LiveConfig {
  const faults = faultsOf(given);
  if (faults.length > 0)
    throw new StartError(`SallyportModule: the options are wrong:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  const { secretKeys, token = {}, limits = {}, metrics } = given;
  const store = storeOf(given.store);
  const logger = (given.logger as Logger | undefined) ?? loggerToNest();
  return {
    gateway: {
      path: given.path ?? GRAPHQL_PATH,
      // The application decides whether its pages are served over https, including HSTS.
      secure: false,
      trustedProxies: parseAddressRanges(given.trustedProxies ?? []),
      origins: (given.allowedOrigins ?? []).map((origin) => new URL(origin).origin),
      originsSetting: 'allowedOrigins of SallyportModule',
      sameHost: true,
      sharesServer: true,
      introspection: given.introspection ?? process.env['NODE_ENV'] !== 'production',
      ...(given.context ? { context: given.context } : {}),
    },
    secrets: { keys: secretKeys },
    token: {
      ttlSeconds: token.ttlSeconds ?? DEFAULT_TTL_SECONDS,
      singleUse: token.singleUse ?? false,
      issuer: token.issuer ?? DEFAULT_ISSUER,
    },
    store,
    outbox: store.kind === 'postgres' ? store : null,
    limits: limitsOf(limits),
    elsewhere: new NoneElsewhere(),
    logger,
    audit: new AuditLog(logger),
    metrics: metrics ? new AppRegistry(metrics) : new MetricsRegistry(),
    refusesViewer: () => null,
  };
}

function storeOf(given: StoreOptions = { kind: 'memory' }): StoreConfig {
  return given.kind === 'memory' ? given : { ...given, settings: STORE_SETTINGS };
}

function limitsOf({
  maxConnections = LIMITS.maxConnections,
  maxConnectionsPerAddress = LIMITS.maxConnectionsPerAddress,
  maxConnectionsPerViewer = LIMITS.maxConnectionsPerViewer,
  maxHistoryMebibytes = LIMITS.maxHistoryMebibytes,
  throttleExempt = [],
}: LimitOptions): LimitsConfig {
  return {
    maxConnections,
    maxConnectionsPerAddress,
    maxConnectionsPerViewer,
    maxHistoryBytes: maxHistoryMebibytes * MEBIBYTE,
    throttleExempt: parseAddressRanges(throttleExempt),
  };
}

/** All errors, in the order of the options. Options may come from JavaScript, so types are checked as well. */
function faultsOf(given: unknown): string[] {
  if (!isRecord(given)) return ['options: must be an object with secretKeys and sessions.'];
  const faults = new Faults();
  for (const name of Object.keys(given)) faults.unless(KNOWN.has(name), name, UNKNOWN);
  checkKeys(given['secretKeys'], faults);
  checkSessions(given['sessions'], faults);
  checkStore(given['store'], faults);
  const { path, introspection, context, logger, metrics } = given;
  faults.unless(path === undefined || isPath(path), 'path', 'must be a path such as /graphql, without a query');
  eachOf(given['allowedOrigins'], 'allowedOrigins', faults, isOrigin, 'must be an origin such as https://app.example');
  eachOf(
    given['trustedProxies'],
    'trustedProxies',
    faults,
    isRange,
    'must be an address or a range of your own machines such as 10.0.0.0/8',
  );
  checkToken(given['token'], faults);
  checkLimits(given['limits'], faults);
  faults.unless(
    introspection === undefined || typeof introspection === 'boolean',
    'introspection',
    'must be a boolean',
  );
  faults.unless(context === undefined || typeof context === 'function', 'context', 'must be a function');
  faults.unless(logger === undefined || isLogger(logger), 'logger', 'must be a pino logger');
  faults.unless(
    metrics === undefined || (isRecord(metrics) && typeof metrics['registerMetric'] === 'function'),
    'metrics',
    'must be a Registry of prom-client',
  );
  return faults.all;
}

class Faults {
  readonly all: string[] = [];

  /** Records an error for the option at `path`. */
  add(path: string, message: string): void {
    this.all.push(`${path}: ${message}.`);
  }

  /** Records an error for the option at `path` if it is invalid. */
  unless(isRight: boolean, path: string, message: string): void {
    if (!isRight) this.add(path, message);
  }
}

function checkKeys(keys: unknown, faults: Faults): void {
  const wanted = 'must be 32 random bytes or more (openssl rand -base64 48)';
  if (!Array.isArray(keys) || keys.length === 0)
    return faults.add('secretKeys', `must be a list of keys; each ${wanted}`);
  keys.forEach((key: unknown, index) =>
    faults.unless(typeof key === 'string' && isLongSecret(key), `secretKeys[${index}]`, wanted),
  );
}

function checkSessions(sessions: unknown, faults: Faults): void {
  if (!isRecord(sessions)) return faults.add('sessions', 'is missing: an object with read(request) and status(ids)');
  faults.unless(typeof sessions['read'] === 'function', 'sessions.read', 'must be a function of the request');
  faults.unless(typeof sessions['status'] === 'function', 'sessions.status', 'must be a function of session ids');
}

function checkStore(store: unknown, faults: Faults): void {
  if (store === undefined) return;
  const kind = isRecord(store) ? store['kind'] : undefined;
  const isKind = kind === 'memory' || kind === 'redis' || kind === 'postgres';
  if (!isRecord(store) || !isKind) return faults.add('store.kind', "must be 'memory', 'redis' or 'postgres'");
  onlyKnown(store, 'store', STORE_OPTIONS[kind], faults, `is not an option of the store '${kind}'`);
  const { url, listenUrl } = store;
  const wanted = 'must be a PostgreSQL URL such as postgres://user:password@host:5432/database';
  if (kind === 'postgres') {
    const isUrl = (text: unknown): boolean => typeof text === 'string' && isPostgresUrl(text);
    faults.unless(isUrl(url), 'store.url', wanted);
    faults.unless(listenUrl === undefined || isUrl(listenUrl), 'store.listenUrl', wanted);
  }
  if (kind !== 'redis') return;
  faults.unless(
    typeof url === 'string' && parseRedisUrl(url) !== null,
    'store.url',
    'must be a Redis URL such as redis://user:password@host:6379/0',
  );
}

function checkToken(token: unknown, faults: Faults): void {
  if (token === undefined) return;
  if (!isRecord(token)) return faults.add('token', 'must be an object');
  onlyKnown(token, 'token', TOKEN_OPTIONS, faults);
  const { ttlSeconds, singleUse, issuer } = token;
  faults.unless(
    ttlSeconds === undefined || isCount(ttlSeconds, 1, MAX_TOKEN_LIFE_SECONDS),
    'token.ttlSeconds',
    `must be a whole number from 1 to ${MAX_TOKEN_LIFE_SECONDS}`,
  );
  faults.unless(singleUse === undefined || typeof singleUse === 'boolean', 'token.singleUse', 'must be a boolean');
  faults.unless(
    issuer === undefined || (typeof issuer === 'string' && issuer !== ''),
    'token.issuer',
    'must be text, the same on every node',
  );
}

function onlyKnown(given: object, path: string, known: readonly string[], faults: Faults, message = UNKNOWN): void {
  for (const [name, value] of Object.entries(given))
    faults.unless(value === undefined || known.includes(name), `${path}.${name}`, message);
}

function checkLimits(limits: unknown, faults: Faults): void {
  if (limits === undefined) return;
  if (!isRecord(limits)) return faults.add('limits', 'must be an object');
  for (const [name, value] of Object.entries(limits)) {
    if (name === 'throttleExempt') continue;
    const min = name === 'maxHistoryMebibytes' ? 16 : 1;
    if (!(name in LIMITS)) faults.add(`limits.${name}`, 'is not a limit of SallyportModule');
    else if (value !== undefined)
      faults.unless(isCount(value, min), `limits.${name}`, `must be a whole number, ${min} or more`);
  }
  eachOf(
    limits['throttleExempt'],
    'limits.throttleExempt',
    faults,
    isRange,
    'must be an address or a range of your own machines',
  );
}

function eachOf(
  list: unknown,
  path: string,
  faults: Faults,
  isRight: (value: unknown) => boolean,
  message: string,
): void {
  if (list === undefined) return;
  if (!Array.isArray(list)) faults.add(path, 'must be a list');
  else list.forEach((value: unknown, index) => faults.unless(isRight(value), `${path}[${index}]`, message));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && /^\/[^?#\s]*$/.test(value);
}

function isOrigin(value: unknown): boolean {
  return typeof value === 'string' && isHttpOrigin(value);
}

/** A range so wide that it covers strangers would let them claim any address, or do without limits. */
function isRange(value: unknown): boolean {
  return typeof value === 'string' && parseAddressRange(value) !== null && !isTooWide(value);
}

function isLogger(value: unknown): boolean {
  return isRecord(value) && ['debug', 'info', 'warn', 'error'].every((level) => typeof value[level] === 'function');
}
