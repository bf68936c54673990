import type { Environment, ReadEnvironment } from './environment.js';
import { isLongSecret } from '../../live/tokens/keyring.js';
import { isTooWide } from '../../live/viewer/client-address.js';
import { parsePostgresUrl } from '../../live/store/postgres/postgres-url.js';
import { isLoopback, parseShop } from './grammar.js';
import { looksRandom } from './secret-strength.js';

/** Default passwords and common placeholders. */
const DEFAULT_PASSWORDS = new Set(
  'postgres postgresql password passwd pass sallyport admin administrator root secret changeme change-me change_me example test user app default db database 1234 12345 123456 12345678 qwerty letmein'.split(
    ' ',
  ),
);

/** A rule about several variables, or for production only. */
interface Rule {
  /** The variables that it uses; its error names the first. */
  readonly on: readonly [keyof Environment, ...(keyof Environment)[]];
  /** Whether it applies to production only. */
  readonly productionOnly?: true;
  readonly broken: (env: Environment) => boolean;
  /** What is expected, why, and what to do. */
  readonly message: string;
}

const RULES: readonly Rule[] = [
  {
    on: ['NODE_ENV', 'HOST'],
    broken: ({ NODE_ENV, HOST }) => !NODE_ENV && !isLoopback(HOST),
    message:
      'expected production or development where HOST is not a loopback address, since development shows the schema and GraphiQL. Set NODE_ENV',
  },
  {
    on: ['NODE_ENV', 'GRAPHIQL', 'PUBLIC_URL'],
    broken: (env) => env.GRAPHIQL === true && isPublicWithoutNodeEnv(env),
    message: 'expected production or development when GRAPHIQL is on at a public https URL. Set NODE_ENV',
  },
  {
    on: ['SECRET_KEYS'],
    productionOnly: true,
    broken: ({ SECRET_KEYS }) => SECRET_KEYS.length === 0,
    message:
      'expected comma-separated random keys of at least 32 bytes, the same on all nodes. Generate one with: npm run cli -- secret generate',
  },
  {
    on: ['SECRET_KEYS'],
    productionOnly: true,
    broken: ({ SECRET_KEYS }) => !SECRET_KEYS.every(looksRandom),
    message:
      'expected random keys; one is made of words, repeats or sequences, which can be guessed. Generate one with: npm run cli -- secret generate',
  },
  {
    on: ['SECRET_KEYS'],
    broken: ({ SECRET_KEYS }) => namesTwice(SECRET_KEYS),
    message: 'expected each key once; one is listed twice. Remove one of the two',
  },
  {
    on: ['PUBLIC_URL'],
    productionOnly: true,
    broken: ({ PUBLIC_URL }) => !PUBLIC_URL,
    message: 'expected the https origin that users open, since links and cookies depend on it. Set it to your address',
  },
  {
    on: ['PUBLIC_URL'],
    productionOnly: true,
    broken: ({ PUBLIC_URL }) => PUBLIC_URL !== undefined && !isSafeOrigin(PUBLIC_URL),
    message:
      'expected an https origin (loopback excepted), or else session cookies travel unencrypted. Put TLS in front',
  },
  {
    on: ['ALLOWED_ORIGINS'],
    productionOnly: true,
    broken: ({ ALLOWED_ORIGINS }) => !ALLOWED_ORIGINS.every(isSafeOrigin),
    message:
      'expected https origins (loopback excepted), since a page sent unencrypted can be changed on its way. Use https',
  },
  ...(['TRUSTED_PROXIES', 'THROTTLE_EXEMPT'] as const).map((name): Rule => ({
    on: [name],
    productionOnly: true,
    broken: (env) => env[name].some(isTooWide),
    message: `expected the addresses of your own machines; a range covers strangers, who could ${name === 'TRUSTED_PROXIES' ? 'then claim any address' : 'then try without limits'}. List narrower ranges`,
  })),
  ...(['DATABASE_URL', 'DATABASE_LISTEN_URL'] as const).map((name): Rule => ({
    on: [name],
    productionOnly: true,
    broken: ({ [name]: url }) => url !== undefined && hasDefaultPassword(url),
    message:
      'expected a unique password; this one is a common default. Change it, for example to: openssl rand -hex 24',
  })),
  {
    on: ['STORE', 'REDIS_URL'],
    broken: (env) => env.STORE === 'redis' && env.REDIS_URL === undefined,
    message: 'expected REDIS_URL too, for this store. Set it, or unset STORE',
  },
  {
    on: ['STORE', 'DATABASE_URL'],
    broken: (env) => env.STORE === 'postgres' && env.DATABASE_URL === undefined,
    message: 'expected DATABASE_URL too, for this store. Set it, or unset STORE',
  },
  {
    on: ['DATABASE_LISTEN_URL', 'DATABASE_URL'],
    broken: (env) => env.DATABASE_LISTEN_URL !== undefined && env.DATABASE_URL === undefined,
    message:
      'expected DATABASE_URL as well, the same database through its pooler. Set it, or unset DATABASE_LISTEN_URL',
  },
  {
    on: ['WORKERS', 'DATABASE_URL'],
    broken: (env) => env.WORKERS > 1 && env.DATABASE_URL === undefined,
    message:
      'expected 1 without DATABASE_URL, since only one process can use the embedded database. Set DATABASE_URL (REDIS_URL alone holds no accounts), or unset WORKERS',
  },
  {
    on: ['WORKERS', 'STORE', 'DATABASE_URL'],
    broken: (env) => env.WORKERS > 1 && env.DATABASE_URL !== undefined && env.STORE === 'memory',
    message:
      "expected 1 with STORE=memory, since workers could not reach each other's viewers. Set STORE to postgres or redis, or unset WORKERS",
  },
  {
    on: ['WEBHOOK_SECRET', 'WEBHOOK_URL'],
    broken: (env) => env.WEBHOOK_URL !== undefined && env.WEBHOOK_SECRET.length === 0,
    message:
      'expected the key that signs what is sent to WEBHOOK_URL. Generate one with: echo "whsec_$(openssl rand -base64 32)"',
  },
  {
    on: ['WEBHOOK_URL', 'WEBHOOK_SECRET'],
    broken: (env) => env.WEBHOOK_URL === undefined && env.WEBHOOK_SECRET.length > 0,
    message: 'expected the URL that webhooks are sent to. Set it, or unset WEBHOOK_SECRET',
  },
  {
    on: ['WEBHOOK_URL'],
    productionOnly: true,
    broken: ({ WEBHOOK_URL }) => WEBHOOK_URL !== undefined && !isSafeOrigin(WEBHOOK_URL),
    message: 'expected an https URL (loopback excepted), since webhooks name viewers. Use https',
  },
  {
    on: ['METRICS_PORT', 'PORT'],
    broken: (env) => env.METRICS_PORT !== undefined && env.METRICS_PORT !== 0 && env.METRICS_PORT === env.PORT,
    message: 'expected a port other than PORT, which clients use. Choose another',
  },
  {
    on: ['SESSION_IDLE_SECONDS', 'SESSION_ABSOLUTE_SECONDS'],
    broken: (env) => (env.SESSION_IDLE_SECONDS ?? 0) > env.SESSION_ABSOLUTE_SECONDS,
    message: 'expected at most SESSION_ABSOLUTE_SECONDS (30 days unless set). Lower it, or raise the other',
  },
  {
    on: ['TRUSTED_ISSUERS'],
    productionOnly: true,
    broken: (env) => !env.TRUSTED_ISSUERS.every((one) => [one.issuer, one.jwksUri ?? one.issuer].every(isSafeOrigin)),
    message:
      'expected https URLs (loopback excepted), or else an attacker on the network could replace the keys. Use https',
  },
  {
    on: ['APP_PROXY_SHOPS', 'APP_PROXY_SECRET'],
    broken: (env) => env.APP_PROXY_SECRET !== undefined && env.APP_PROXY_SHOPS.length === 0,
    message: 'expected the shops that APP_PROXY_SECRET signs for. List them, or unset APP_PROXY_SECRET',
  },
  {
    on: ['APP_PROXY_SECRET', 'APP_PROXY_SHOPS'],
    broken: (env) => env.APP_PROXY_SECRET === undefined && env.APP_PROXY_SHOPS.length > 0,
    message: 'expected the secret of the shop app, since APP_PROXY_SHOPS lists shops. Set it, or unset APP_PROXY_SHOPS',
  },
  {
    on: ['APP_PROXY_SECRET'],
    productionOnly: true,
    broken: ({ APP_PROXY_SECRET: secret }) => secret !== undefined && !isLongSecret(secret),
    message:
      'expected at least 32 random characters; a short secret can be guessed. Copy it from the settings of the shop app',
  },
  {
    on: ['APP_PROXY_SECRET', 'SECRET_KEYS'],
    broken: (env) => env.APP_PROXY_SECRET !== undefined && env.SECRET_KEYS.includes(env.APP_PROXY_SECRET),
    message: 'expected a secret that is not among SECRET_KEYS: one secret serves one purpose. Use another key there',
  },
  {
    on: ['APP_PROXY_SHOPS'],
    broken: (env) => namesTwice(env.APP_PROXY_SHOPS.flatMap((shop) => parseShop(shop)?.origins ?? [])),
    message: 'expected each shop and each domain once; one is listed twice. Remove one of the two',
  },
  {
    on: ['APP_PROXY_SHOPS'],
    productionOnly: true,
    broken: (env) => !env.APP_PROXY_SHOPS.every((shop) => parseShop(shop)?.origins.every(isSafeOrigin)),
    message: 'expected https domains (loopback excepted), or else tokens travel unencrypted. Use https',
  },
];

/** All violated rules, as variable name and sentence. Rules that use an invalid variable are skipped. */
export function brokenRules({ values, faults }: ReadEnvironment): [name: string, message: string][] {
  const production = values.NODE_ENV === 'production';
  return RULES.filter((rule) => (production || !rule.productionOnly) && !rule.on.some((name) => faults.has(name)))
    .filter((rule) => rule.broken(values as Environment))
    .map((rule) => [rule.on[0], rule.message]);
}

/** Whether `PUBLIC_URL` is a public https URL and NODE_ENV is not set. */
export function isPublicWithoutNodeEnv({ NODE_ENV, PUBLIC_URL }: Partial<Environment>): boolean {
  if (NODE_ENV !== undefined || PUBLIC_URL === undefined) return false;
  const { protocol, hostname } = new URL(PUBLIC_URL);
  return protocol === 'https:' && !isLoopback(hostname);
}

function namesTwice(names: readonly string[]): boolean {
  return new Set(names).size !== names.length;
}

function isSafeOrigin(origin: string): boolean {
  const { protocol, hostname } = new URL(origin);
  return protocol === 'https:' || isLoopback(hostname);
}

/**
 * A URL without a password is allowed: the server may authenticate its clients in another way. As for the driver, the
 * parameters `user` and `password` come before those in front of the host, and of several the last counts.
 */
function hasDefaultPassword(databaseUrl: string): boolean {
  const { username, password, searchParams } = parsePostgresUrl(databaseUrl);
  const user = searchParams.getAll('user').at(-1) || decoded(username);
  const plain = (searchParams.getAll('password').at(-1) || decoded(password)).toLowerCase();
  return plain !== '' && (DEFAULT_PASSWORDS.has(plain) || plain === user.toLowerCase());
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
