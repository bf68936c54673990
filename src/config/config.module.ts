import { type DynamicModule, Module } from '@nestjs/common';
import type { Config } from './config.js';

/** Injection tokens of the configuration's slices. A room injects its own and no other. */
export const HTTP_CONFIG = Symbol('HTTP_CONFIG');
export const DATABASE_CONFIG = Symbol('DATABASE_CONFIG');
export const REDIS_CONFIG = Symbol('REDIS_CONFIG');
export const SECRET_CONFIG = Symbol('SECRET_CONFIG');
export const SESSION_CONFIG = Symbol('SESSION_CONFIG');
export const TOKEN_CONFIG = Symbol('TOKEN_CONFIG');
export const FEEDS_CONFIG = Symbol('FEEDS_CONFIG');
export const APP_PROXY_CONFIG = Symbol('APP_PROXY_CONFIG');
export const LIMITS_CONFIG = Symbol('LIMITS_CONFIG');
export const REGISTRATION_CONFIG = Symbol('REGISTRATION_CONFIG');
export const LOGGING_CONFIG = Symbol('LOGGING_CONFIG');

/** Global: hands each room its slice of the configuration that `main` has loaded and checked. */
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
      { provide: LIMITS_CONFIG, useValue: config.limits },
      { provide: REGISTRATION_CONFIG, useValue: config.registration },
      { provide: LOGGING_CONFIG, useValue: config.logging },
    ];
    return { module: ConfigModule, global: true, providers: slices, exports: slices.map((slice) => slice.provide) };
  }
}
