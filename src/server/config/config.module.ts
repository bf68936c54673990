import { type DynamicModule, Module } from '@nestjs/common';
import { Registry } from 'prom-client';
import type { Config } from './config.js';
import {
  APP_PROXY_CONFIG,
  AUDIT_CONFIG,
  DATABASE_CONFIG,
  HTTP_CONFIG,
  ISSUERS_CONFIG,
  REGISTRATION_CONFIG,
  SESSION_CONFIG,
} from '../../identity/identity.config.js';
import { MetricsRegistry } from '../../live/metrics-registry.js';
import { WEBHOOK_CONFIG } from '../webhooks/webhook.config.js';
import { METRICS_CONFIG } from '../metrics/metrics.config.js';
import { TRACING_CONFIG } from '../tracing/tracing.config.js';
import { FEEDS_CONFIG } from '../../feeds/user-count/user-count.worker.js';

/**
 * Global: provides the parts of the configuration for identity, feeds and server. `LiveConfigModule` provides the
 * others.
 */
@Module({})
export class ConfigModule {
  static of(config: Config): DynamicModule {
    const slices = [
      { provide: HTTP_CONFIG, useValue: config.http },
      { provide: DATABASE_CONFIG, useValue: config.database },
      { provide: SESSION_CONFIG, useValue: config.session },
      { provide: FEEDS_CONFIG, useValue: config.feeds },
      { provide: APP_PROXY_CONFIG, useValue: config.appProxy },
      { provide: ISSUERS_CONFIG, useValue: config.issuers },
      { provide: AUDIT_CONFIG, useValue: config.audit },
      { provide: WEBHOOK_CONFIG, useValue: config.webhooks },
      { provide: METRICS_CONFIG, useValue: config.metrics },
      { provide: TRACING_CONFIG, useValue: config.tracing },
      { provide: REGISTRATION_CONFIG, useValue: config.registration },
      { provide: Registry, useExisting: MetricsRegistry },
    ];
    return { module: ConfigModule, global: true, providers: slices, exports: slices.map((slice) => slice.provide) };
  }
}
