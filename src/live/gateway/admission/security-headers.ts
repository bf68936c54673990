import type { FastifyHelmetOptions } from '@fastify/helmet';
import type { HttpConfig } from '../../live.config.js';

const HSTS_SECONDS = 31_536_000;

/** What answers may do in a browser: nothing. Pages bring a policy of their own. */
const NOTHING = {
  'default-src': ["'none'"],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
};

/** The headers of every answer that a route or the not-found handler gives, for `@fastify/helmet`. */
export function helmetOptions(http: HttpConfig): FastifyHelmetOptions {
  return {
    contentSecurityPolicy: { useDefaults: false, directives: NOTHING },
    hsts: http.secure ? { maxAge: HSTS_SECONDS, includeSubDomains: true } : false,
    referrerPolicy: { policy: 'no-referrer' },
  };
}

/**
 * The headers of an answer that no hook of Fastify sees: to bytes that are no HTTP, to a URL that cannot be decoded,
 * to an upgrade that is refused. HSTS only where people use https (RFC 6797 §7.2).
 */
export function bareHeaders(http: HttpConfig): Readonly<Record<string, string>> {
  const policy = Object.entries(NOTHING).map(([name, values]) => `${name} ${values.join(' ')}`);
  return {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': policy.join('; '),
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    ...(http.secure ? { 'Strict-Transport-Security': `max-age=${HSTS_SECONDS}; includeSubDomains` } : {}),
  };
}
