import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** Claims and signature settings that differ from the defaults of {@link Issuer.sign}. Undefined omits a claim. */
export interface TokenOptions {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: CryptoKey | Uint8Array;
  /** Expiry, in seconds from now; default 300. */
  readonly expiresIn?: number;
  /** Issue time, in seconds from now; default 0. */
  readonly issued?: number;
}

/** A custom response of an endpoint. */
export type ResponseHandler = (request: IncomingMessage, response: ServerResponse) => void;

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

/** A test issuer with discovery, a key set and tokens. It counts requests and can be made to misbehave. */
export class Issuer {
  readonly audience = 'sallyport';
  keyFetches = 0;
  discoveries = 0;
  /** Replaces the response with the key set. */
  answerKeys: ResponseHandler | null = null;
  answerDiscovery: ResponseHandler | null = null;
  #current: SigningKey;
  readonly #published: JWK[] = [];

  private constructor(
    readonly source: string,
    private readonly server: Server,
    readonly algorithm: string,
    key: SigningKey,
  ) {
    this.#current = key;
    this.#published.push(key.jwk);
  }

  /** Starts an issuer on a free port. */
  static async start(source = 'acme', algorithm = 'RS256'): Promise<Issuer> {
    const key = await newKey(algorithm);
    let issuer: Issuer | null = null;
    const server = createServer((request, response) => issuer?.answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    issuer = new Issuer(source, server, algorithm, key);
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get kid(): string {
    return this.#current.kid;
  }

  get publicJwk(): JWK {
    return this.#current.jwk;
  }

  /** Its entry in `TRUSTED_ISSUERS`. */
  config(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return { source: this.source, issuer: this.url, audience: this.audience, ...more };
  }

  /** Signs a token; by default one that opens a socket. */
  async sign(subject: string | undefined, options: TokenOptions = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const iat = now + (options.issued ?? 0);
    const all = {
      iss: this.url,
      aud: this.audience,
      sub: subject,
      iat,
      exp: now + (options.expiresIn ?? 300),
      ...options.claims,
    };
    const claims = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    const header = { alg: this.algorithm, kid: this.kid, ...options.header };
    const present = Object.fromEntries(Object.entries(header).filter(([, value]) => value !== undefined));
    return new SignJWT(claims)
      .setProtectedHeader(present as never)
      .sign(options.key ?? this.#current.privateKey, { crit: { b64: true, exp: true } });
  }

  /** Signs a logout token for a session, a subject, or both. */
  logoutToken(about: { readonly sid?: string; readonly sub?: string }, options: TokenOptions = {}): Promise<string> {
    const claims = {
      ...about,
      jti: crypto.randomUUID(),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      ...options.claims,
    };
    return this.sign(about.sub, {
      expiresIn: 120,
      ...options,
      claims,
      header: { typ: 'logout+jwt', ...options.header },
    });
  }

  /** Signs with a new key from now on; by default with a new `kid`. */
  async rotate({ keepOld = true, publish = true, kid = crypto.randomUUID() as string } = {}): Promise<void> {
    this.#current = await newKey(this.algorithm, kid);
    if (!keepOld) this.#published.length = 0;
    if (publish) this.#published.push(this.#current.jwk);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.url === '/.well-known/openid-configuration') {
      this.discoveries += 1;
      if (this.answerDiscovery) return this.answerDiscovery(request, response);
      return json(response, { issuer: this.url, jwks_uri: `${this.url}/jwks` });
    }
    this.keyFetches += 1;
    if (this.answerKeys) return this.answerKeys(request, response);
    return json(response, { keys: this.#published });
  }
}

/** Sends a JSON response. */
export function json(response: ServerResponse, body: unknown, type = 'application/json'): void {
  response.writeHead(200, { 'content-type': type }).end(JSON.stringify(body));
}

/** Returns the settings with which a server trusts these issuers. */
export function trustedIssuersEnv(...issuers: readonly Issuer[]): { TRUSTED_ISSUERS: string } {
  return { TRUSTED_ISSUERS: JSON.stringify(issuers.map((issuer) => issuer.config())) };
}

async function newKey(algorithm: string, kid: string = crypto.randomUUID()): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' } };
}
