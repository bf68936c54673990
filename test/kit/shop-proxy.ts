import type { IncomingMessage, ServerResponse } from 'node:http';
import { inTheme } from './shop-theme.js';
import { signQuery } from './shop-signature.js';

/** The settings of a shop. */
export interface ShopSettings {
  /** The myshopify.com domain, signed as `shop` whichever host name the browser used. */
  readonly domain: string;
  /** The secret shared by the app and the shop. */
  readonly secret: string;
  /** The URL to which the app proxy forwards: the app's `/app-proxy`. */
  readonly proxyUrl: string;
  /** The storefront path that is forwarded, such as `/apps/live`. */
  readonly pathPrefix: string;
  /** The visitor's address for `X-Forwarded-For`; default: the browser's. */
  readonly visitorAddress?: string;
  /**
   * The user agent to forward; default: the browser's, null for none. Whether real shops forward it is not documented.
   */
  readonly userAgent?: string | null;
}

/** A request as the app received it. */
export interface ForwardedRequest {
  readonly url: string;
  readonly signature: string;
}

/** A visit to the proxied path. */
interface Visit {
  readonly settings: ShopSettings;
  readonly url: URL;
  /** The logged-in customer's number, or empty. */
  readonly customer: string;
  readonly forwarded: ForwardedRequest[];
}

/** Headers that never reach the app, and hop-by-hop headers. */
const NOT_FORWARDED = new Set([
  'cookie',
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'accept-encoding',
  'upgrade',
]);

/** Headers that the documentation says are removed from responses, and the encoding, which the proxy decodes. */
const NOT_RETURNED = [
  'accept-patch',
  'accept-ranges',
  'connection',
  'cookie',
  'date',
  'delta-base',
  'im',
  'p3p',
  'pragma',
  'preference-applied',
  'proxy-authenticate',
  'public-key-pins',
  'server',
  'service-worker-allowed',
  'set-cookie',
  'trailer',
  'tk',
  'warning',
  'x-powered-by',
  'content-encoding',
  'content-length',
  'transfer-encoding',
];

/** Forwards a visit to the app and sends its response: follows redirects and renders Liquid in the theme. */
export async function forward(request: IncomingMessage, response: ServerResponse, visit: Visit): Promise<void> {
  const target = signedUrl(visit);
  visit.forwarded.push({ url: target.href, signature: target.searchParams.get('signature') ?? '' });
  const answer = await fetch(target, {
    method: request.method ?? 'GET',
    headers: requestHeaders(request, visit),
    redirect: 'follow',
  });
  const headers = new Headers(answer.headers);
  for (const name of NOT_RETURNED) headers.delete(name);
  let body: string | Buffer = Buffer.from(await answer.arrayBuffer());
  if (headers.get('content-type')?.startsWith('application/liquid')) {
    body = await inTheme(body.toString(), visit.customer);
    headers.set('content-type', 'text/html; charset=utf-8');
  }
  response.writeHead(answer.status, Object.fromEntries(headers)).end(body);
}

/** The visitor's own parameters are kept and signed; the proxy's parameters override them. */
function signedUrl({ settings, url, customer }: Visit): URL {
  const target = new URL(settings.proxyUrl + url.pathname.slice(settings.pathPrefix.length));
  const parameters = new URLSearchParams(url.search);
  parameters.set('shop', settings.domain);
  parameters.set('logged_in_customer_id', customer);
  parameters.set('path_prefix', settings.pathPrefix);
  parameters.set('timestamp', String(Math.floor(Date.now() / 1000)));
  parameters.set('signature', signQuery(parameters, settings.secret));
  target.search = parameters.toString();
  return target;
}

function requestHeaders(request: IncomingMessage, { settings }: Visit): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && !NOT_FORWARDED.has(name)) headers.set(name, [value].flat().join(', '));
  }
  const address = settings.visitorAddress ?? request.socket.remoteAddress ?? '';
  headers.append('x-forwarded-for', address);
  headers.set('x-forwarded-host', request.headers.host ?? settings.domain);
  if (settings.userAgent === null) headers.delete('user-agent');
  else if (settings.userAgent !== undefined) headers.set('user-agent', settings.userAgent);
  return headers;
}
