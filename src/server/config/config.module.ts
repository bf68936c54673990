import { type DynamicModule, Module } from '@nestjs/common';
import type { Config } from './config.js';
import { HTTP_CONFIG, LIMITS_CONFIG, REDIS_CONFIG, SECRET_CONFIG, TOKEN_CONFIG } from '../../live/live.config.js';
import {
  APP_PROXY_CONFIG,
  DATABASE_CONFIG,
  ISSUERS_CONFIG,
  REGISTRATION_CONFIG,
  SESSION_CONFIG,
} from '../../identity/identity.config.js';
import { FEEDS_CONFIG } from '../../feeds/user-count/user-count.worker.js';

/** Injection tokens of the configuration's parts. A module injects its own and no other. */
export const LOGGING_CONFIG = Symbol('LOGGING_CONFIG');

/** Global: gives each module its part of the configuration that `main` has loaded and checked. */
@Module({})
export class ConfigModule {
  static of(config: Config): DynamicModule {
    const slices = [
      { provide: HTTP_CONFIG, useValue: config.http },
      { provide: DATABASE_CONFIG, useValue: config.database },
      { provide: REDIS_CONFIG, useValue: config.redis },
      { provide: SECRET_CONFIG, useValue: config.secrets },
      { provide: SESSION_CONFIG, useValue: config.session },
      { provide: TOKEN_CONFIG, useValue: config.token },
      { provide: FEEDS_CONFIG, useValue: config.feeds },
      { provide: APP_PROXY_CONFIG, useValue: config.appProxy },
      { provide: ISSUERS_CONFIG, useValue: config.issuers },
      { provide: LIMITS_CONFIG, useValue: config.limits },
      { provide: REGISTRATION_CONFIG, useValue: config.registration },
      { provide: LOGGING_CONFIG, useValue: config.logging },
    ];
    return { module: ConfigModule, global: true, providers: slices, exports: slices.map((slice) => slice.provide) };
  }
}
