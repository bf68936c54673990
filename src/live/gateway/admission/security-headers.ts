/** How long browsers keep to https, in seconds. */
export const HSTS_SECONDS = 31_536_000;

/** The content security policy of API responses: they may do nothing in a browser. Pages set their own policy. */
export const API_POLICY = {
  'default-src': ["'none'"],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
};

/**
 * The headers of a refused upgrade, which is answered without the HTTP server. HSTS is sent only with an https
 * `PUBLIC_URL` (RFC 6797 §7.2).
 */
export function bareHeaders({ secure }: { readonly secure: boolean }): Readonly<Record<string, string>> {
  const policy = Object.entries(API_POLICY).map(([name, values]) => `${name} ${values.join(' ')}`);
  return {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': policy.join('; '),
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    ...(secure ? { 'Strict-Transport-Security': `max-age=${HSTS_SECONDS}; includeSubDomains` } : {}),
  };
}
