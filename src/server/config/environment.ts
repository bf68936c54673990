import { z } from 'zod';
import { isPostgresUrl } from '../../live/store/postgres/postgres-url.js';
import { parseRedisUrl } from '../../live/store/redis/redis-url.js';
import { parseTrustedIssuers } from '../../identity/issuers/trusted-issuer.js';
import { isLongSecret } from '../../live/tokens/keyring.js';
import { MAX_TOKEN_LIFE_SECONDS } from '../../live/tokens/token-claims.js';
import { isHttpOrigin } from '../../live/gateway/admission/origin.policy.js';
import { parseAddressRange } from '../../live/viewer/client-address.js';
import { parseWebhookSecret } from '../webhooks/webhook.config.js';
import { parseHeaders, parsePairs, SAMPLERS } from '../tracing/tracing.config.js';
import { coresToUse, MAX_WORKERS } from '../workers/worker-count.js';
import { isHttpUrl, parseShop } from './grammar.js';

const LONGEST_SECONDS = 31_536_000;

/** A number, refused with one sentence. */
const number = (form: RegExp, min: number, max: number, error: string) =>
  z
    .string()
    .regex(form, { error })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error });
const wholeNumber = (min: number, max: number) =>
  number(/^\d{1,15}$/, min, max, `expected a whole number from ${min} to ${max}`);
const decimal = (min: number, max: number) =>
  number(/^\d{1,15}(?:\.\d{1,9})?$/, min, max, `expected a number from ${min} to ${max}`);
const seconds = (max = LONGEST_SECONDS) => wholeNumber(1, max);
const count = (fallback: number) => wholeNumber(1, 10_000_000).default(fallback);
const oneOf = <const Names extends readonly string[]>(names: Names) =>
  z.enum(names, { error: `expected one of ${names.join(', ')}` });
const choice = z
  .enum(['true', 'false', '1', '0'], { error: 'expected true or false' })
  .transform((text) => text === 'true' || text === '1');
const list = (isItem: (item: string) => boolean, what: string, separator: string | RegExp = ',') =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(separator)
        .map((item) => item.trim())
        .filter(Boolean),
    )
    .refine((items) => items.every(isItem), { error: `expected a comma-separated list of ${what}` });
/** Load balancers often write lists with spaces, so commas and spaces are accepted. */
const addresses = () =>
  list((text) => parseAddressRange(text) !== null, 'addresses and CIDRs such as 192.0.2.7 or 10.0.0.0/24', /[,\s]/);
const postgresUrl = z
  .string()
  .refine(isPostgresUrl, { error: 'expected a URL such as postgres://user:password@host:5432/database' })
  .optional();
const httpUrl = z.string().refine(isHttpUrl, { error: 'expected an http or https URL without a user name' }).optional();
/** As OpenTelemetry writes them. */
const pairs = (parse: typeof parsePairs) =>
  z
    .string()
    .default('')
    .transform((text, context) => {
      const parsed = parse(text);
      if (parsed) return parsed;
      context.issues.push({
        code: 'custom',
        message: 'expected name=value joined by commas, values percent-encoded',
        input: '',
      });
      return z.NEVER;
    });

const workersError = `expected auto, or a whole number from 1 to ${MAX_WORKERS}`;
const workers = z
  .string()
  .regex(/^(?:auto|\d{1,3})$/, { error: workersError })
  .transform((text) => (text === 'auto' ? coresToUse() : Number(text)))
  .refine((count) => count >= 1 && count <= MAX_WORKERS, { error: workersError })
  .default(1);

/** All errors of a value in one sentence. */
const issuers = z
  .string()
  .default('')
  .transform((text, context) => {
    const parsed = parseTrustedIssuers(text);
    if (parsed.ok) return parsed.issuers;
    context.issues.push({ code: 'custom', message: parsed.faults.join('; '), input: '' });
    return z.NEVER;
  });

/** The variables with a secret: each may be `@path`, the name of a file that contains it. */
export const SECRET_VARIABLES = [
  'SECRET_KEYS',
  'DATABASE_URL',
  'DATABASE_LISTEN_URL',
  'REDIS_URL',
  'APP_PROXY_SECRET',
  'WEBHOOK_SECRET',
  'OTEL_EXPORTER_OTLP_HEADERS',
] as const;
/** The variables that may be `@path`: the secrets, and long values. */
export const FILE_VARIABLES = [...SECRET_VARIABLES, 'TRUSTED_ISSUERS'] as const;

/**
 * Every variable that this server reads, with its format and default. The README's table and `.env.example` list the
 * same. Messages say what is expected; the library's own messages are not used.
 */
export const EnvironmentSchema = z.object({
  NODE_ENV: oneOf(['development', 'test', 'production']).optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535).default(3000),
  WORKERS: workers,
  PUBLIC_URL: z.string().refine(isHttpOrigin, { error: 'expected an origin such as https://app.example' }).optional(),
  DATABASE_URL: postgresUrl,
  DATABASE_LISTEN_URL: postgresUrl,
  STORE: oneOf(['memory', 'postgres', 'redis']).optional(),
  DATA_DIR: z.string().default('./data'),
  REDIS_URL: z
    .string()
    .refine((text) => parseRedisUrl(text) !== null, {
      error:
        'expected a URL such as redis://host:6379 or rediss://user:password@host, several joined by commas, or redis+sentinel://host:26379/master-name',
    })
    .optional(),
  SECRET_KEYS: list(
    isLongSecret,
    'random keys of at least 32 bytes. Generate one with: npm run cli -- secret generate',
  ),
  ALLOWED_ORIGINS: list(isHttpOrigin, 'origins such as https://app.example'),
  TRUSTED_PROXIES: addresses(),
  SESSION_IDLE_SECONDS: seconds().optional(),
  SESSION_ABSOLUTE_SECONDS: seconds().default(30 * 86_400),
  TOKEN_TTL_SECONDS: seconds(MAX_TOKEN_LIFE_SECONDS).default(60),
  TOKEN_SINGLE_USE: choice.default(false),
  USER_COUNT_INTERVAL_SECONDS: decimal(0.05, 86_400).default(10),
  APP_PROXY_SECRET: z.string().optional(),
  APP_PROXY_SHOPS: list(
    (item) => parseShop(item) !== null,
    'shops such as demo.myshopify.com or demo.myshopify.com=www.demo.example|shop.demo.example',
  ),
  APP_PROXY_BIND: oneOf(['ip+ua', 'ua', 'none']).default('ip+ua'),
  TRUSTED_ISSUERS: issuers,
  WEBHOOK_URL: httpUrl,
  WEBHOOK_SECRET: list(
    (secret) => parseWebhookSecret(secret) !== null,
    'keys: whsec_ and 24 to 64 random bytes in base64. Generate one with: echo "whsec_$(openssl rand -base64 32)"',
  ),
  MAX_CONNECTIONS: count(100_000),
  MAX_CONNECTIONS_PER_ADDRESS: count(200),
  MAX_CONNECTIONS_PER_VIEWER: count(20),
  MAX_HISTORY_MEBIBYTES: wholeNumber(16, 1_000_000).default(128),
  THROTTLE_EXEMPT: addresses(),
  REGISTRATION: oneOf(['open', 'invite', 'closed']).default('open'),
  METRICS_PORT: wholeNumber(0, 65_535).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl,
  OTEL_EXPORTER_OTLP_HEADERS: pairs(parseHeaders),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf(['http/protobuf']).default('http/protobuf'),
  OTEL_EXPORTER_OTLP_TIMEOUT: wholeNumber(100, 600_000).default(10_000),
  OTEL_SERVICE_NAME: z.string().max(255, { error: 'expected at most 255 characters' }).optional(),
  OTEL_RESOURCE_ATTRIBUTES: pairs(parsePairs),
  OTEL_TRACES_SAMPLER: oneOf(SAMPLERS).default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: decimal(0, 1).default(1),
  // OpenTelemetry's booleans are case-insensitive.
  OTEL_SDK_DISABLED: z.string().toLowerCase().pipe(choice).default(false),
  AUDIT_RETENTION_DAYS: wholeNumber(0, 3_650).default(90),
  GRAPHIQL: choice.optional(),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

/** The environment after parsing: typed, with defaults. */
export type Environment = z.infer<typeof EnvironmentSchema>;

/** The result of parsing the environment. */
export interface ReadEnvironment {
  /** The valid variables; invalid ones are absent. */
  readonly values: Partial<Environment>;
  /** One sentence per invalid variable. */
  readonly faults: ReadonlyMap<string, string>;
}

/** Parses each variable separately, so that one error does not hide another. */
export function readEnvironment(given: Readonly<Record<string, string>>): ReadEnvironment {
  const values: Record<string, unknown> = {};
  const faults = new Map<string, string>();
  for (const [name, schema] of Object.entries(EnvironmentSchema.shape)) {
    const parsed = schema.safeParse(given[name]);
    if (parsed.success) values[name] = parsed.data;
    else faults.set(name, parsed.error.issues[0]?.message ?? 'expected another value');
  }
  return { values, faults };
}
