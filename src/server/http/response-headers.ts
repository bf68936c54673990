import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';
import type { HttpConfig } from '../../identity/identity.config.js';
import { API_POLICY, HSTS_SECONDS } from '../../live/gateway/admission/security-headers.js';

/**
 * The headers of every HTTP response, by name: helmet's, and no caching. A route may override them.
 *
 * helmet computes the same headers for every request, which takes a tenth of a small one, so it is asked once.
 */
export function responseHeaders(http: HttpConfig): Readonly<Record<string, string>> {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  const setHeaders = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: API_POLICY },
    strictTransportSecurity: http.secure ? { maxAge: HSTS_SECONDS, includeSubDomains: true } : false,
    referrerPolicy: { policy: 'no-referrer' },
  });
  setHeaders(request, response, () => {});
  const headers: Record<string, string> = { 'cache-control': 'no-store' };
  for (const [name, value] of Object.entries(response.getHeaders())) headers[name] = String(value);
  return headers;
}
