import { randomBytes } from 'node:crypto';

/** A GraphQL response over HTTP, with its status and headers. */
export interface GqlResponse<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly data: T | null;
  readonly errors: readonly GqlError[];
  /** The raw body. */
  readonly text: string;
}

/** One entry of `errors`. */
interface GqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string; readonly field?: string; readonly retryAfterSeconds?: number };
}

/** Options of a {@link Browser}. */
export interface BrowserOptions {
  /** The `Origin` header; default: the server's own origin. Null omits it, as clients other than browsers do. */
  readonly origin?: string | null;
  readonly userAgent?: string;
  /** The `X-Forwarded-For` header; it has an effect only if the server trusts 127.0.0.1 as a proxy. */
  readonly address?: string;
}

/** An account's e-mail and password. */
export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** The result of `me` for a signed-in viewer. */
export interface Me {
  readonly user: { readonly id: string; readonly email: string };
  readonly token: string;
  readonly tokenExpiresAt: string;
}

/** Returns credentials that are not in use. */
export function newCredentials(name = 'ada'): Credentials {
  const unique = randomBytes(6).toString('hex');
  return { email: `${name}-${unique}@example.test`, password: `correct horse ${unique}` };
}

/** An HTTP client that behaves like a browser: it keeps cookies and talks to one server. */
export class Browser {
  readonly cookies = new Map<string, string>();

  constructor(
    readonly url: string,
    readonly options: BrowserOptions = {},
  ) {}

  /**
   * Sends a request with this browser's cookies, origin and user agent, and stores the response's cookies. Does not
   * follow redirects.
   */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const { origin = this.url, userAgent = 'Sallyport test', address } = this.options;
    const headers = new Headers({ 'user-agent': userAgent });
    if (origin === null) headers.set('apollo-require-preflight', 'true');
    else headers.set('origin', origin);
    if (address) headers.set('x-forwarded-for', address);
    if (this.cookies.size > 0) headers.set('cookie', [...this.cookies].map((pair) => pair.join('=')).join('; '));
    new Headers(init.headers).forEach((value, name) => headers.set(name, value));
    const response = await fetch(new URL(path, this.url), { redirect: 'manual', ...init, headers });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return response;
  }

  /** Sends one GraphQL operation by POST. */
  async gql<T = Record<string, unknown>>(query: string, variables?: Record<string, unknown>): Promise<GqlResponse<T>> {
    const response = await this.fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    const body = parse(text) as { data?: T | null; errors?: readonly GqlError[] } | null;
    const { status, headers } = response;
    return { status, headers, data: body?.data ?? null, errors: body?.errors ?? [], text };
  }

  /** Like {@link gql}, but throws on errors. */
  async query<T = Record<string, unknown>>(query: string, variables?: Record<string, unknown>): Promise<T> {
    const answer = await this.gql<T>(query, variables);
    if (answer.errors.length > 0 || answer.data === null) throw new Error(`${answer.status}: ${answer.text}`);
    return answer.data;
  }

  /** Creates an account and signs in with it. */
  async register(who: Credentials = newCredentials()): Promise<Credentials & { id: string }> {
    const document =
      'mutation ($email: String!, $password: String!) { register(email: $email, password: $password) { id } }';
    const { register } = await this.query<{ register: { id: string } }>(document, { ...who });
    return { ...who, id: register.id };
  }

  async login({ email, password }: Credentials): Promise<void> {
    const document =
      'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { id } }';
    await this.query(document, { email, password });
  }

  async logout(): Promise<void> {
    await this.query('mutation { logout }');
  }

  /** Returns the signed-in viewer with a token for a socket, or null when signed out. */
  async me(): Promise<Me | null> {
    const { me } = await this.query<{ me: Me | null }>('{ me { user { id email } token tokenExpiresAt } }');
    return me;
  }

  /** Returns a new token. Requires a signed-in viewer. */
  async token(): Promise<string> {
    const me = await this.me();
    if (!me) throw new Error('Nobody is signed in here.');
    return me.token;
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    const gone = attributes.some((part) => /^max-age=0$/i.test(part) || isPast(part));
    if (gone || value === '') this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

function isPast(attribute: string): boolean {
  const [name = '', value = ''] = attribute.split(/=(.*)/s);
  return name.toLowerCase() === 'expires' && Date.parse(value) < Date.now();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
