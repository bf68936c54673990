/** One server's host and port. */
export interface RedisPlace {
  readonly host: string;
  readonly port: number;
}

/** The parsed `REDIS_URL`: where Redis is, and its credentials. */
export interface RedisAddress {
  /** The servers, or the Sentinels that know where the master is. Never empty. */
  readonly places: readonly RedisPlace[];
  /** The Sentinels' name for the master; null without Sentinel. */
  readonly sentinelMaster: string | null;
  readonly username: string | null;
  readonly password: string | null;
  /** The Sentinels' own credentials, if they need any. */
  readonly sentinelUsername: string | null;
  readonly sentinelPassword: string | null;
  readonly database: number;
  readonly tls: boolean;
  /** 4 or 6: the only IP version that names are resolved to; 0 allows both. */
  readonly family: number;
}

const URL_PARTS = /^(rediss?)(\+sentinel)?:\/\/(.+)$/s;
/** A comma between two whole URLs; commas between hosts come after the last `@`. */
const NEXT_URL = /,(?=rediss?:\/\/)/;
const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
const MAX_PLACES = 32;

/**
 * Parses `REDIS_URL`; null if it is none of these:
 *
 * - `redis://user:password@host:6379/0`, or `rediss://` for TLS
 * - several members of one cluster: `redis://user:password@one:6379,two:6379` or whole URLs joined by commas
 * - Sentinel: `redis+sentinel://user:password@one:26379,two:26379/master-name/0`; user and password are those of the
 *   master, the Sentinels' own are in `?sentinelUsername=…&sentinelPassword=…`
 */
export function parseRedisUrl(text: string): RedisAddress | null {
  const [, scheme, sentinel, rest] = URL_PARTS.exec(text.trim()) ?? [];
  if (!scheme || !rest) return null;
  const urls = sentinel ? [rest] : rest.split(NEXT_URL).map((part) => part.replace(/^rediss?:\/\//, ''));
  const found = urls.flatMap((url) => readUrls(`${scheme}://`, url));
  const parsed = found.filter((url) => url !== null);
  const [first] = parsed;
  if (!first || parsed.length !== found.length || parsed.length > MAX_PLACES) return null;
  const defaultPort = sentinel ? SENTINEL_PORT : REDIS_PORT;
  const places = parsed.map(({ hostname, port }) => ({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port ? Number(port) : defaultPort,
  }));
  const path = parsed.map(({ pathname }) => pathname).find((pathname) => pathname.length > 1) ?? '';
  const query = parsed.find(({ search }) => search !== '')?.searchParams;
  const segments = path.split('/').slice(1).map(decode);
  const name = sentinel ? segments.shift() : null;
  const database = segments.shift() || query?.get('db') || '0';
  if (name === '' || name === undefined || segments.some(Boolean) || !/^\d{1,5}$/.test(database)) return null;
  return {
    places,
    sentinelMaster: name,
    username: decode(first.username) || null,
    password: decode(first.password) || null,
    sentinelUsername: query?.get('sentinelUsername') || null,
    sentinelPassword: query?.get('sentinelPassword') || null,
    database: Number(database),
    tls: scheme === 'rediss',
    family: Number(query?.get('family')) || 0,
  };
}

/** The URL of each host of a list that shares user and path. */
function readUrls(scheme: string, text: string): (URL | null)[] {
  const at = text.lastIndexOf('@') + 1;
  const user = text.slice(0, at);
  return text
    .slice(at)
    .split(',')
    .map((host) => host.trim())
    .map((host) => (URL.canParse(scheme + user + host) ? new URL(scheme + user + host) : null))
    .map((url) => (url?.hostname ? url : null));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
