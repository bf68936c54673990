import { z } from 'zod';
import { isAddressOrRange, isHttpOrigin, parseShop } from './grammar.js';

const seconds = (fallback: number, max = 31_536_000) => z.coerce.number().int().min(1).max(max).default(fallback);
const count = (fallback: number, max = 10_000_000) => z.coerce.number().int().min(1).max(max).default(fallback);
const choice = z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1');
const flag = (fallback: boolean) => choice.default(fallback);
const list = (isItem: (item: string) => boolean, what: string) =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean),
    )
    .refine((items) => items.every(isItem), { message: `must be a comma list of ${what}` });

/** Every variable that this server reads, with its grammar and default. README's table is this one. */
export const EnvironmentSchema = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).optional(),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  PUBLIC_URL: z.string().refine(isHttpOrigin, { message: 'must be an origin such as https://app.example' }).optional(),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, { message: 'must start with postgres:// or postgresql://' })
    .optional(),
  DATA_DIR: z.string().min(1).default('./data'),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, { message: 'must start with redis:// or rediss://' })
    .optional(),
  SECRET_KEYS: list(
    (key) => Buffer.byteLength(key) >= 32 && new Set(key).size >= 8,
    'keys of at least 32 bytes each that somebody drew at random',
  ),
  ALLOWED_ORIGINS: list(isHttpOrigin, 'origins such as https://app.example'),
  TRUSTED_PROXIES: list(isAddressOrRange, 'addresses and CIDRs'),
  SESSION_IDLE_SECONDS: seconds(7 * 86_400),
  SESSION_ABSOLUTE_SECONDS: seconds(30 * 86_400),
  TOKEN_TTL_SECONDS: seconds(60, 3600),
  TOKEN_SINGLE_USE: flag(false),
  USER_COUNT_INTERVAL_SECONDS: z.coerce.number().min(0.05).max(86_400).default(10),
  APP_PROXY_SECRET: z.string().min(1).optional(),
  APP_PROXY_SHOPS: list(
    (item) => parseShop(item) !== null,
    'shops such as demo.myshopify.com or demo.myshopify.com=www.demo.example|shop.demo.example',
  ),
  APP_PROXY_BIND: z.enum(['ip+ua', 'ua', 'none']).default('ip+ua'),
  MAX_CONNECTIONS: count(100_000),
  MAX_CONNECTIONS_PER_ADDRESS: count(200),
  MAX_CONNECTIONS_PER_VIEWER: count(20),
  THROTTLE_EXEMPT: list(isAddressOrRange, 'addresses and CIDRs'),
  GRAPHIQL: choice.optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

/** The environment after parsing: typed, with defaults. */
export type Environment = z.infer<typeof EnvironmentSchema>;
