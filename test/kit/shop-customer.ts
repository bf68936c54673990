import {
  closeFor,
  type LiveSocket,
  openSocket,
  type SocketClose,
  type SocketOptions,
} from '../../src/testing/live-socket.js';
import { type Shop, startShop } from './shop.js';

/** The browser with which tests visit shops. The address has an effect only if the server trusts 127.0.0.1 as a proxy. */
export const VISITOR = { userAgent: 'A shop visitor', address: '203.0.113.9' } as const;

/** Starts a shop in front of a server; its visitors have {@link VISITOR}'s address. */
export function shopFor(url: string, domain: string, secret: string): Promise<Shop> {
  const proxyUrl = `${url}/app-proxy`;
  return startShop({ domain, secret, proxyUrl, pathPrefix: '/apps/live', visitorAddress: VISITOR.address });
}

/** Returns the token that the shop's page gets for a logged-in customer. */
export async function customerToken(
  shop: Shop,
  customer: string,
  userAgent: string = VISITOR.userAgent,
): Promise<string> {
  const headers = { cookie: `shop_session=${customer}`, 'user-agent': userAgent };
  const answer = await fetch(shop.at('127.0.0.1', `${shop.pathPrefix}/token`), { headers });
  return ((await answer.json()) as { token: string }).token;
}

/** Opens a socket, by default from the visitor's own browser. */
export function connectCustomer(url: string, token: string, options: SocketOptions = {}): Promise<LiveSocket> {
  return openSocket(url, { token, ...VISITOR, ...options });
}

/** Returns the close code of a socket from the visitor's browser with this token; 1000 if it was admitted. */
export function customerCloseFor(url: string, token: string, options: SocketOptions = {}): Promise<SocketClose> {
  return closeFor(url, token, { ...VISITOR, ...options });
}
