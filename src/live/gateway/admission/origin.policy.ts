import { Inject, Injectable } from '@nestjs/common';
import { within } from '../../deadline.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../live.config.js';
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
  /**
   * @param origin the parsed Origin header: scheme, host and port, nothing else
   * @param host the Host header of an upgrade, as it came; absent for a call over HTTP
   */
  abstract allows(origin: URL, use: OriginUse, host?: string): Promise<boolean>;
}

/**
 * Allows the configured origins. Pages of an authenticator, and of the same host if the configuration says so, may open
 * sockets and nothing else: a browser sends the true Host and Origin, and the token decides after them.
 */
@Injectable()
export class ConfiguredOrigins extends OriginPolicy {
  readonly #allowed: ReadonlySet<string>;

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(CONNECTION_AUTHENTICATORS) private readonly authenticators: readonly ConnectionAuthenticator[],
  ) {
    super();
    this.#allowed = new Set(config.origins);
  }

  override async allows(origin: URL, use: OriginUse, host?: string): Promise<boolean> {
    if (this.#allowed.has(origin.origin)) return true;
    if (use !== 'socket') return false;
    if (this.config.sameHost && isSameHost(origin, host)) return true;
    return this.authenticators.some((one) => one.ownsOrigin(origin.origin));
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

/**
 * Whether text is an http(s) origin and nothing more: scheme, host and optionally a port; no path, no user. One trailing
 * slash is allowed.
 */
export function isHttpOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  // `URL` allows a wildcard, which no page's origin has.
  if (url.hostname.includes('*')) return false;
  return (url.protocol === 'https:' || url.protocol === 'http:') && (text === url.origin || text === `${url.origin}/`);
}

/** An Origin header as it is logged: at most 200 characters. */
export function cutOrigin<Header extends string | null>(header: Header): Header | string {
  return header === null ? header : header.slice(0, 200);
}

/** A Host header without a port means the default port of the scheme, which `URL` leaves out as well. */
function isSameHost({ protocol, host }: URL, header: string | undefined): boolean {
  const text = `${protocol}//${header}`;
  return header !== undefined && URL.canParse(text) && new URL(text).host === host && !header.includes('@');
}

/** Asks the policy and fails closed. */
export async function isAllowedOrigin(
  policy: OriginPolicy,
  header: string,
  use: OriginUse,
  host?: string,
): Promise<boolean> {
  const origin = parseOrigin(header);
  if (!origin) return false;
  try {
    const answer: unknown = await within(ORIGIN_DEADLINE_MS, policy.allows(origin, use, host), false);
    return answer === true;
  } catch {
    return false;
  }
}
