/**
 * Whether text is a URL of PostgreSQL that the driver understands. An empty one is not: the driver would connect to a
 * database that nobody has named.
 */
export function isPostgresUrl(text: string): boolean {
  return /^postgres(?:ql)?:\/\/\/?[^/]/.test(text) && URL.canParse(withHost(text));
}

/** The URL of a database, in parts. */
export function parsePostgresUrl(url: string): URL {
  return new URL(withHost(url));
}

/** Host, or the folder of the socket, port and database of a URL: for operators, without user and password. */
export function databasePlace(url: string): string {
  const { host, pathname, searchParams } = parsePostgresUrl(url);
  return `${searchParams.get('host') ?? (host || 'localhost')}${pathname}`;
}

/**
 * libpq and the driver allow a user without a host where a parameter is the folder of the socket, as in
 * `postgres://user@/database?host=/run/postgresql`; `URL` does not.
 */
function withHost(url: string): string {
  return url.replace(/^([a-z]+:\/\/[^/?#]*@)(?=\/[^?#]*\?(?:[^#]*&)?host=)/, '$1localhost');
}
