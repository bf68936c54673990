import ipaddr from 'ipaddr.js';
import { isHttpOrigin } from '../../live/gateway/admission/origin.policy.js';

const DOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/;

/** Whether text is a lower-case domain name of at least two labels. */
function isDomain(text: string): boolean {
  return DOMAIN.test(text);
}

/**
 * Parses one shop: its myshopify.com domain, then, after `=` and separated by `|`, the domains or origins that its
 * customers see, such as `demo.myshopify.com=www.demo.example|https://demo.example:8443`. Null if it is invalid.
 */
export function parseShop(text: string): { readonly domain: string; readonly origins: readonly string[] } | null {
  const [domain = '', own, ...rest] = text.split('=');
  const others = own === undefined ? [] : own.split('|');
  if (!isDomain(domain) || rest.length > 0 || !others.every((other) => isDomain(other) || isHttpOrigin(other)))
    return null;
  return {
    domain,
    origins: [domain, ...others].map((other) => (isDomain(other) ? `https://${other}` : new URL(other).origin)),
  };
}

/** Whether text is a URL that this server can send to. */
export function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

/** Whether a host name or address is loopback. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true;
  return ipaddr.isValid(bare) && ipaddr.process(bare).range() === 'loopback';
}
