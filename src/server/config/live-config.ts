import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { customersOf } from '../../identity/app-proxy/customer-viewer.js';
import { NoneElsewhere } from '../../live/gateway/connection/connections-elsewhere.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import type { LiveConfig } from '../../live/live-config.module.js';
import { GRAPHQL_PATH } from '../../protocol/payload.js';
import { ownOriginsOf } from '../http/own-origins.js';
import type { Config } from './config.js';

/**
 * The configuration of `live/` in the stand-alone server.
 *
 * @param audit where audit events are logged; default `logger`
 */
export function liveConfigOf(config: Config, logger: Logger, audit: Logger = logger): LiveConfig {
  const { http, secrets, token, store, database, limits, appProxy } = config;
  const { elsewhere = new NoneElsewhere() } = config;
  const { secure, trustedProxies, introspection } = http;
  return {
    gateway: {
      path: GRAPHQL_PATH,
      secure,
      trustedProxies,
      origins: [...ownOriginsOf(http), ...http.allowedOrigins],
      sameHost: false,
      sharesServer: false,
      introspection,
    },
    secrets,
    token,
    store,
    outbox: database.url === null ? null : { url: database.url, listenUrl: database.listenUrl },
    limits,
    elsewhere,
    logger,
    audit: new AuditLog(audit),
    metrics: new Registry(),
    refusesViewer: customersOf(appProxy.shops.map((shop) => shop.domain)),
  };
}
