import { Inject, Injectable } from '@nestjs/common';
import { within } from '../../deadline.js';
import { HTTP_CONFIG, type HttpConfig } from '../../live.config.js';
import { CONNECTION_AUTHENTICATORS, type ConnectionAuthenticator } from '../connection-authenticator.js';

/** How long a policy may take before the origin is refused, in milliseconds. */
const ORIGIN_DEADLINE_MS = 2000;

/**
 * What a page asks for: opening a socket, for which it also needs a token, or calling over HTTP with the browser's
 * cookies.
 */
export type OriginUse = 'socket' | 'http';

/**
 * Decides which web pages may open sockets and call with credentials. A team may provide its own, which may be
 * asynchronous. Anything other than `true` in time refuses the origin: an exception, a timeout, a truthy string.
 */
export abstract class OriginPolicy {
  /** @param origin the parsed Origin header: scheme, host and port, nothing else */
  abstract allows(origin: URL, use: OriginUse): Promise<boolean>;
}

/**
 * Allows `PUBLIC_URL` and `ALLOWED_ORIGINS`; outside production also the loopback names of this server's own port.
 * Pages that belong to an authenticator may only open sockets.
 */
@Injectable()
export class ConfiguredOrigins extends OriginPolicy {
  readonly #allowed: ReadonlySet<string>;

  constructor(
    @Inject(HTTP_CONFIG) config: HttpConfig,
    @Inject(CONNECTION_AUTHENTICATORS) private readonly waysIn: readonly ConnectionAuthenticator[],
  ) {
    super();
    const loopback = ['localhost', '127.0.0.1', '[::1]'].map((host) => new URL(`http://${host}:${config.port}`).origin);
    this.#allowed = new Set([config.publicUrl, ...config.allowedOrigins, ...(config.production ? [] : loopback)]);
  }

  override async allows({ origin }: URL, use: OriginUse): Promise<boolean> {
    return this.#allowed.has(origin) || (use === 'socket' && this.waysIn.some((way) => way.ownsOrigin(origin)));
  }
}

/**
 * Reads an Origin header as browsers write it (RFC 6454 §7): one origin, no path, no user, not `null`.
 * Returns null for anything else.
 */
export function parseOrigin(header: string): URL | null {
  if (header.length > 300 || !URL.canParse(header)) return null;
  const url = new URL(header);
  return url.origin === header ? url : null;
}

/** An Origin header as it is logged: at most 200 characters. */
export function cutOrigin<Header extends string | null>(header: Header): Header | string {
  return header === null ? header : header.slice(0, 200);
}

/** Asks the policy and fails closed. */
export async function isAllowedOrigin(policy: OriginPolicy, header: string, use: OriginUse): Promise<boolean> {
  const origin = parseOrigin(header);
  if (!origin) return false;
  try {
    const answer: unknown = await within(ORIGIN_DEADLINE_MS, policy.allows(origin, use), false);
    return answer === true;
  } catch {
    return false;
  }
}
