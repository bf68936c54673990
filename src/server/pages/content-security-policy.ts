import type { PageName } from './page-files.js';

/**
 * The Content-Security-Policy (CSP Level 3) of one HTML page: its own files only, its own socket only, in nobody's frame.
 *
 * GraphiQL's editor writes `<style>` elements, draws its icons from `data:` fonts and works in workers; only that page may.
 *
 * @param publicUrl the origin that browsers use; older ones do not count `ws:` of the same host as `'self'`
 */
export function contentSecurityPolicy(page: PageName, publicUrl: string): string {
  const socket = publicUrl.replace(/^http/, 'ws');
  const editor = page === 'graphiql';
  const directives = [
    ['default-src', "'none'"],
    ['script-src', "'self'"],
    ['style-src', "'self'", ...(editor ? ["'unsafe-inline'"] : [])],
    ['img-src', "'self'", 'data:'],
    ['connect-src', "'self'", socket],
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
