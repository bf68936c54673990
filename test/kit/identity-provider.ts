import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const CLIENT_ID = 'sallyport';
const CLIENT_SECRET = 'a secret of the test that is long enough';
const REDIRECT_URI = 'http://127.0.0.1:9/signed-in';
const LOGGED_OUT = 'http://127.0.0.1:9/signed-out';

/** The tokens that the provider issues at sign-in and at each refresh. */
export interface ProviderTokens {
  readonly id_token: string;
  readonly refresh_token: string;
}

/** A user's browser at the provider: it keeps cookies, follows redirects and submits forms. */
export class ProviderBrowser {
  readonly #cookies = new Map<string, string>();

  constructor(private readonly url: string) {}

  /** Signs in on the provider's pages and exchanges the code. */
  async signIn(login: string): Promise<ProviderTokens> {
    const verifier = crypto.randomUUID() + crypto.randomUUID();
    const query = new URLSearchParams({
      client_id: CLIENT_ID,
      response_type: 'code',
      scope: 'openid offline_access',
      prompt: 'consent',
      redirect_uri: REDIRECT_URI,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    let page = await this.#follow(`${this.url}/auth?${query.toString()}`);
    for (const form of [{ prompt: 'login', login, password: 'any' }, { prompt: 'consent' }]) {
      if (page.startsWith(REDIRECT_URI)) break;
      page = await this.#follow(page, form);
    }
    const code = new URL(page).searchParams.get('code') ?? '';
    return this.#tokens({
      grant_type: 'authorization_code',
      code,
      redirect_uri: REDIRECT_URI,
      code_verifier: verifier,
    });
  }

  refresh({ refresh_token }: ProviderTokens): Promise<ProviderTokens> {
    return this.#tokens({ grant_type: 'refresh_token', refresh_token });
  }

  /** Signs out on the provider's pages. Resolves after the provider has notified its clients. */
  async signOut({ id_token }: ProviderTokens): Promise<void> {
    const query = new URLSearchParams({ id_token_hint: id_token, post_logout_redirect_uri: LOGGED_OUT });
    const response = await this.#ask(`${this.url}/session/end?${query.toString()}`);
    const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(await response.text()) ?? [];
    await this.#follow(`${this.url}/session/end/confirm`, { xsrf, logout: 'yes' });
  }

  /** Follows redirects and returns the first address that shows a page or is not the provider's. */
  async #follow(url: string, form?: Readonly<Record<string, string>>): Promise<string> {
    const response = await this.#ask(url, form);
    const location = response.headers.get('location');
    if (location === null) return url;
    const next = new URL(location, url).href;
    return next.startsWith(this.url) ? this.#follow(next) : next;
  }

  async #ask(url: string, form?: Readonly<Record<string, string>>): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const body = form ? { method: 'POST', body: new URLSearchParams(form) } : {};
    const response = await fetch(url, { redirect: 'manual', headers: { cookie }, ...body });
    if (response.status >= 400) throw new Error(`${url}: ${response.status} ${await response.text()}`);
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }

  async #tokens(form: Readonly<Record<string, string>>): Promise<ProviderTokens> {
    const authorization = `Basic ${Buffer.from(`${CLIENT_ID}:${encodeURIComponent(CLIENT_SECRET)}`).toString('base64')}`;
    const response = await fetch(`${this.url}/token`, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams(form),
    });
    if (!response.ok) throw new Error(`No tokens: ${await response.text()}`);
    return (await response.json()) as ProviderTokens;
  }
}

/** A real OpenID provider (oidc-provider) with sign-in, refresh and logout. */
export class IdentityProvider {
  private constructor(
    readonly url: string,
    private readonly server: Server,
  ) {}

  /** @param logoutUri the client's back-channel logout URL */
  static async start(port: number, logoutUri: string): Promise<IdentityProvider> {
    const url = `http://127.0.0.1:${port}`;
    const provider = new Provider(url, await configuration(logoutUri));
    const server = createServer(provider.callback());
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new IdentityProvider(url, server);
  }

  /** Its entry in `TRUSTED_ISSUERS`. */
  get config(): Record<string, string> {
    return { source: 'provider', issuer: this.url, audience: CLIENT_ID };
  }

  browser(): ProviderBrowser {
    return new ProviderBrowser(this.url);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

async function configuration(logoutUri: string): Promise<Record<string, unknown>> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return {
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [REDIRECT_URI],
        post_logout_redirect_uris: [LOGGED_OUT],
        backchannel_logout_uri: logoutUri,
        backchannel_logout_session_required: true,
      },
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'first', alg: 'RS256', use: 'sig' }] },
    cookies: { keys: ['a key of the test'] },
    features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
    // The provider's default fetch refuses loopback addresses.
    fetch: (address: string, { method, headers, body }: RequestInit) =>
      fetch(address, { method, headers, body } as RequestInit),
  };
}
