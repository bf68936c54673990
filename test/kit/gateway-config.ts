import type { GatewayConfig } from '../../src/live/live.config.js';

/** A gateway that browsers of no other origin may use, without proxies or TLS. */
export const gatewayConfig: GatewayConfig = {
  path: '/graphql',
  secure: false,
  trustedProxies: [],
  origins: [],
  sameHost: false,
  sharesServer: false,
  introspection: false,
};
