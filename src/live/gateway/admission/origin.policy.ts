import { Inject, Injectable } from '@nestjs/common';
import { within } from '../../deadline.js';
import { HTTP_CONFIG, type HttpConfig } from '../../live.config.js';
import { CONNECTION_AUTHENTICATORS, type ConnectionAuthenticator } from '../connection-authenticator.js';

/** How long a policy may take before its silence counts as no, in milliseconds. */
const ORIGIN_DEADLINE_MS = 2000;

/** What a page wants: to open a socket, for which it still needs a token, or to call over HTTP with the browser's cookies. */
export type OriginUse = 'socket' | 'http';

/**
 * Decides which web pages may open sockets and call with credentials. A team may provide its own,
 * which may look things up. Whatever is not exactly `true` in time refuses: a throw, a hang, a truthy string.
 */
export abstract class OriginPolicy {
  /** @param origin the parsed Origin header: scheme, host and port, nothing else */
  abstract allows(origin: URL, use: OriginUse): Promise<boolean>;
}

/**
 * Allows `PUBLIC_URL` and `ALLOWED_ORIGINS`; outside production also the loopback names of this server's own port.
 * Pages that belong to a way in may open sockets and nothing else.
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

/** An Origin header as logs show it: 200 characters at the most. */
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
