import helmet, { type FastifyHelmetOptions } from '@fastify/helmet';
import cors from '@fastify/cors';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import type { Config } from './config/config.js';
import { HttpErrorFilter } from './errors/http-error.filter.js';
import { guardGraphqlHttp } from './gateway/graphql/http.rules.js';
import { isAllowedOrigin, OriginPolicy } from './gateway/door/origin.policy.js';
import { LOGGER } from './logging/logger.js';
import { NestLogger } from './logging/nest-logger.js';

/** The largest body of any route, in bytes; `/graphql` allows less. */
const MAX_BODY_BYTES = 1024 * 1024;
const HSTS_SECONDS = 31_536_000;

/**
 * Builds the whole server without listening. Called by `main` and by tests.
 *
 * @throws what a room throws when its store is away at start
 */
export async function createApp(config: Config): Promise<NestFastifyApplication> {
  const adapter = new OwnErrorsAdapter({
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: false,
    forceCloseConnections: true,
    // An undecodable path never reaches a route, and Fastify's own answer to it shows the whole URL, signature and all.
    frameworkErrors: (error: unknown, _request: unknown, reply: FastifyReply) => errors.answer(error, reply),
  });
  const errors = new HttpErrorFilter((error) => app.get<Logger>(LOGGER).error({ err: error }, 'a request failed'));
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(config), adapter, {
    // Nest would print a stack for a failure to start; main prints it in one line.
    logger: false,
    abortOnError: false,
  });
  const logger = app.get<Logger>(LOGGER);
  app.useLogger(new NestLogger(logger));
  app.useGlobalFilters(errors);
  adapter.getInstance().setErrorHandler((error, _request, reply) => errors.answer(error, reply));
  const origins = app.get(OriginPolicy);
  await app.register(helmet, headersOf(config));
  await app.register(cors, {
    origin: async (origin: string | undefined) =>
      origin !== undefined && (await isAllowedOrigin(origins, origin, 'http')) ? origin : false,
    credentials: true,
    methods: ['POST'],
  });
  guardGraphqlHttp(app.getHttpAdapter().getInstance(), config.http, origins);
  return app;
}

/**
 * Nest sets its error handler when the routes stand already, where Fastify no longer heeds it and warns. Ours is set first
 * and stays.
 */
class OwnErrorsAdapter extends FastifyAdapter {
  override setErrorHandler(): ReturnType<FastifyAdapter['setErrorHandler']> {
    return this.getInstance();
  }
}

/** The headers of every answer; pages bring a policy of their own. */
function headersOf(config: Config): FastifyHelmetOptions {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'frame-ancestors': ["'none'"],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
      },
    },
    hsts: config.http.secure ? { maxAge: HSTS_SECONDS, includeSubDomains: true } : false,
    referrerPolicy: { policy: 'no-referrer' },
  };
}
