import type { RequestListener } from 'node:http';
import helmet from '@fastify/helmet';
import cors from '@fastify/cors';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import type { Config, HttpConfig } from './config/config.js';
import { HttpErrorFilter } from './errors/http-error.filter.js';
import { ForbiddenError } from './errors/sallyport.errors.js';
import { cleartextTest } from './gateway/door/cleartext.js';
import { graphqlRule } from './gateway/graphql/http.rules.js';
import { isAllowedOrigin, OriginPolicy } from './gateway/door/origin.policy.js';
import { applyRouteRules } from './http/route-rules.js';
import { createHttpServer, refuseHosts } from './http/http-server.js';
import { bareHeaders, helmetOptions } from './http/security-headers.js';
import { LOGGER } from './logging/logger.js';
import { NestLogger } from './logging/nest-logger.js';
import { PublishRule } from './publish/publish.rule.js';

/** The largest body of a route that has no rule of its own, in bytes. None of them reads one. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Builds the whole server without listening. Called by `main` and by tests.
 *
 * @throws what a room throws when its store is away at start
 */
export async function createApp(config: Config): Promise<NestFastifyApplication> {
  const headers = bareHeaders(config.http);
  const adapter = new OwnErrorsAdapter({
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: false,
    forceCloseConnections: true,
    serverFactory: (handler: RequestListener) => createHttpServer(handler, headers),
    // The server answers these itself, on every address that it listens on.
    clientErrorHandler: () => {},
    // An undecodable path never reaches a route, and Fastify's own answer to it shows the whole URL, signature and all.
    frameworkErrors: (error: unknown, _request: unknown, reply: FastifyReply) =>
      errors.answer(error, reply.headers(headers)),
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
  const fastify = adapter.getInstance();
  fastify.setErrorHandler((error, _request, reply) => errors.answer(error, reply));
  const origins = app.get(OriginPolicy);
  await app.register(helmet, helmetOptions(config.http));
  await app.register(cors, {
    origin: async (origin: string | undefined) =>
      origin !== undefined && (await isAllowedOrigin(origins, origin, 'http')) ? origin : false,
    credentials: true,
    methods: ['POST'],
  });
  refuseRequests(fastify, config.http);
  applyRouteRules(fastify, [graphqlRule(origins, errors), app.get(PublishRule)]);
  return app;
}

/** What holds for every request, on whatever path, before its route's own rules. */
function refuseRequests(fastify: FastifyInstance, http: HttpConfig): void {
  const cameInTheClear = cleartextTest(http);
  fastify.addHook('onRequest', async ({ raw }) => {
    refuseHosts(raw);
    if (cameInTheClear(raw)) throw new ForbiddenError('Use https.');
  });
  // A client that asks before it sends its body hears an answer first where the body is not wanted (RFC 9110 §10.1.1).
  fastify.addHook('preParsing', async ({ raw }, reply) => {
    if (raw.headers.expect !== undefined) reply.raw.writeContinue();
  });
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
