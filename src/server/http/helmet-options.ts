import type { FastifyHelmetOptions } from '@fastify/helmet';
import type { HttpConfig } from '../../identity/identity.config.js';
import { HSTS_SECONDS, NOTHING } from '../../live/gateway/admission/security-headers.js';

/** The headers of every response from a route or the not-found handler, for `@fastify/helmet`. */
export function helmetOptions(http: HttpConfig): FastifyHelmetOptions {
  return {
    contentSecurityPolicy: { useDefaults: false, directives: NOTHING },
    hsts: http.secure ? { maxAge: HSTS_SECONDS, includeSubDomains: true } : false,
    referrerPolicy: { policy: 'no-referrer' },
  };
}
