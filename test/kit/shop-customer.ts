import {
  closeFor,
  type LiveSocket,
  openSocket,
  type SocketClose,
  type SocketOptions,
} from '../../src/testing/live-socket.js';
import { type Shop, startShop } from './shop.js';

/** The one browser that shops made here are visited with. The server must trust 127.0.0.1 as a proxy to believe its address. */
export const VISITOR = { userAgent: 'A shop visitor', address: '203.0.113.9' } as const;

/** A shop in front of a server, whose visitors all come from {@link VISITOR}'s address. */
export function shopFor(url: string, domain: string, secret: string): Promise<Shop> {
  const proxyUrl = `${url}/app-proxy`;
  return startShop({ domain, secret, proxyUrl, pathPrefix: '/apps/live', visitorAddress: VISITOR.address });
}

/** The token that the shop gives the page of a logged-in customer. */
export async function customerToken(
  shop: Shop,
  customer: string,
  userAgent: string = VISITOR.userAgent,
): Promise<string> {
  const headers = { cookie: `shop_session=${customer}`, 'user-agent': userAgent };
  const answer = await fetch(shop.at('127.0.0.1', `${shop.pathPrefix}/token`), { headers });
  return ((await answer.json()) as { token: string }).token;
}

/** A socket from the visitor's own browser, unless told otherwise. */
export function connectCustomer(url: string, token: string, options: SocketOptions = {}): Promise<LiveSocket> {
  return openSocket(url, { token, ...VISITOR, ...options });
}

/** How a socket from the visitor's own browser that shows this token ends; with 1000 where it is let in. */
export function customerCloseFor(url: string, token: string, options: SocketOptions = {}): Promise<SocketClose> {
  return closeFor(url, token, { ...VISITOR, ...options });
}
