import type { PageName } from './page-files.js';

/**
 * The Content-Security-Policy (CSP Level 3) of one HTML page: only its own files and, except for the console, its own
 * socket; and not in a frame.
 *
 * GraphiQL's editor writes `<style>` elements, loads icons from `data:` fonts and uses workers; only that page may.
 *
 * @param publicUrl the origin that browsers use; older ones do not treat `ws:` of the same host as `'self'`
 */
export function contentSecurityPolicy(page: PageName, publicUrl: string): string {
  const socket = publicUrl.replace(/^http/, 'ws');
  const editor = page === 'graphiql';
  const opensSocket = page !== 'console';
  const directives = [
    ['default-src', "'none'"],
    ['script-src', "'self'"],
    ['style-src', "'self'", ...(editor ? ["'unsafe-inline'"] : [])],
    ['img-src', "'self'", 'data:'],
    ['connect-src', "'self'", ...(opensSocket ? [socket] : [])],
    ...(editor
      ? [
          ['font-src', "'self'", 'data:'],
          ['worker-src', "'self'"],
        ]
      : []),
    ['frame-ancestors', "'none'"],
    ['base-uri', "'none'"],
    ['form-action', "'self'"],
  ];
  return directives.map((directive) => directive.join(' ')).join('; ');
}
