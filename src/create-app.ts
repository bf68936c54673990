import type { RequestListener } from 'node:http';
import cors from '@fastify/cors';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import type { Config, ServerConfig } from './server/config/config.js';
import { HttpErrorFilter } from './server/http/http-error.filter.js';
import { ForbiddenError, HttpRefusalError, UnavailableError } from './live/errors/sallyport.errors.js';
import { cleartextTest } from './live/gateway/admission/cleartext.js';
import { graphqlRule } from './server/graphql/http.rules.js';
import type { Authentication } from './live/gateway/gateway.module.js';
import { HttpOrigins } from './live/gateway/admission/http-origins.js';
import { type DescriptorBudget, descriptorLimit, shareDescriptors } from './server/http/descriptor-budget.js';
import { type HttpConnectionLimits, HttpConnections } from './server/http/http-connections.js';
import { HttpMetrics } from './server/http/http.metrics.js';
import { applyRouteRules, type RouteRule } from './server/http/route-rules.js';
import { parseBodies } from './server/http/request-bodies.js';
import { createHttpServer, hasOneHost } from './server/http/http-server.js';
import { finishRunningRequests } from './server/http/running-requests.js';
import { ConsoleRules } from './server/console/console.rules.js';
import { responseHeaders } from './server/http/response-headers.js';
import { createLogger, LOGGER } from './live/logging/logger.js';
import { inRequest, REQUEST_ID_HEADER, requestIdOf } from './live/logging/request-id.js';
import { liveConfigOf } from './server/config/live-config.js';
import { NestLogger } from './server/logging/nest-logger.js';
import { prettyDestination } from './server/logging/terminal.js';
import { BackchannelLogoutRule } from './server/http-api/backchannel-logout.controller.js';
import { DisconnectRule, TokensRule } from './server/http-api/backend.controller.js';
import { HistoryRule } from './server/http-api/history.controller.js';
import { PresenceRule } from './server/http-api/presence.controller.js';
import { ViewersRule } from './server/http-api/viewers.controller.js';
import { nameByRoute, RequestSpans } from './server/tracing/request-spans.js';
import { PublishRule } from './server/http-api/publish.controller.js';
import { addressIn, peerTest } from './live/viewer/client-address.js';

/** The largest body of routes without their own rule, in bytes. None of these reads a body. */
const MAX_BODY_BYTES = 64 * 1024;
/** The routes for supervisors, which are served even when the node is full. */
const PROBES = new Set(['/healthz', '/readyz', '/metrics']);
/** The routes that balancers ask over http, also behind an https `PUBLIC_URL`. They contain nothing secret. */
const HEALTH = new Set(['/healthz', '/readyz']);

/** The rules of routes with their own limits and checks. */
const RULES = [PublishRule, TokensRule, DisconnectRule, PresenceRule, HistoryRule, ViewersRule, BackchannelLogoutRule];

/**
 * Builds the whole server without listening. Called by `main` and by tests.
 *
 * @param authentication the authenticators; default all of the stand-alone server
 * @throws what a module throws when its store is unavailable at start
 */
export async function createApp(given: Config, authentication?: Authentication): Promise<NestFastifyApplication> {
  const logger = createLogger(given.logging.level, await prettyDestination(given.http.production), given.logging.facts);
  const descriptors = shareDescriptors(descriptorLimit());
  const maxConnections = Math.min(given.limits.maxConnections, descriptors.sockets * given.workers);
  const limits = { ...given.limits, maxConnections, maxConnectionsHere: descriptors.sockets };
  const config: Config = { ...given, limits };
  const live = liveConfigOf(config, logger);
  const headers = responseHeaders(config.http);
  const connections = new HttpConnections(connectionLimits(config, descriptors), (reason, address) =>
    app.get(HttpMetrics).ended(reason, address),
  );
  const adapter = new OwnErrorsAdapter({
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: false,
    forceCloseConnections: true,
    return503OnClosing: false,
    serverFactory: (handler: RequestListener) =>
      connections.attach(createHttpServer(withRequestId(handler, config.http), headers)),
    // The server answers these itself, on every address that it listens on.
    clientErrorHandler: () => {},
    // An undecodable path never reaches a route, and Fastify's own response would contain the whole URL, including a
    // signature.
    frameworkErrors: (error: unknown, _request: unknown, reply: FastifyReply) => errors.answer(error, reply),
  });
  const errors = new HttpErrorFilter((error) => logger.error({ err: error }, 'a request failed'));
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(config, live, authentication), adapter, {
    // Nest would print a stack trace if the start fails; main prints one line.
    logger: false,
    abortOnError: false,
  });
  app.useLogger(new NestLogger(logger));
  app.useGlobalFilters(errors);
  parseBodies(app);
  app.get(HttpMetrics).watch(connections);
  await applyRules(app, config.http, errors, connections);
  return app;
}

function connectionLimits({ http, limits }: Config, descriptors: DescriptorBudget): HttpConnectionLimits {
  const exempt = [...http.trustedProxies, ...limits.throttleExempt];
  return {
    total: descriptors.http,
    perAddress: limits.maxConnectionsPerAddress,
    ceiling: descriptors.ceiling,
    exempt: (address) => addressIn(address, exempt),
  };
}

/** Adds the request's id to its response and to everything that it logs, and a span to its trace. */
function withRequestId(handler: RequestListener, { trustedProxies }: ServerConfig): RequestListener {
  const isTrusted = peerTest(trustedProxies);
  const spans = new RequestSpans(trustedProxies);
  return (request, response) => {
    const id = requestIdOf(request, isTrusted);
    response.setHeader(REQUEST_ID_HEADER, id);
    inRequest(id, response, () => handler(request, response), spans.begin(request, response, id));
  };
}

/** One line per response, at `debug`, with the route's pattern instead of the URL, which may contain a signature. */
function logAnswer(
  logger: Logger,
  { method, routeOptions }: FastifyRequest,
  { raw, statusCode, elapsedTime }: FastifyReply,
): void {
  const requestId = String(raw.getHeader(REQUEST_ID_HEADER));
  const ms = Math.round(elapsedTime);
  logger.debug({ requestId, method, route: routeOptions.url ?? null, status: statusCode, ms }, 'answered');
}

/** Counts every response, and logs it at `debug`. */
function countAnswers(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const logger = app.get<Logger>(LOGGER);
  const metrics = app.get(HttpMetrics);
  fastify.addHook('onResponse', ({ method, routeOptions }, { statusCode, elapsedTime }, done) => {
    metrics.answered(method, routeOptions.url ?? null, statusCode, elapsedTime);
    done();
  });
  if (logger.isLevelEnabled('debug'))
    fastify.addHook('onResponse', async (request, reply) => logAnswer(logger, request, reply));
}

/** Installs what applies before a handler runs: for every request, then for each route. */
async function applyRules(
  app: NestFastifyApplication,
  http: ServerConfig,
  errors: HttpErrorFilter,
  connections: HttpConnections,
): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.setErrorHandler((error, _request, reply) => errors.answer(error, reply));
  const origins = app.get(HttpOrigins);
  finishRunningRequests(fastify);
  await app.register(cors, {
    origin: async (origin: string | undefined) =>
      origin !== undefined && (await origins.allow(origin)) ? origin : false,
    credentials: true,
    methods: ['POST'],
    // Its refusal would be plain text.
    strictPreflight: false,
  });
  const cameInTheClear = cleartextTest(http);
  // Hooks with `done`: one that returns a promise takes 2 µs of each request, since Node 20 follows every promise.
  fastify.addHook('onRequest', ({ method, raw, routeOptions }, _reply, done) => {
    const route = routeOptions.url ?? '';
    nameByRoute(method, routeOptions.url);
    if (!hasOneHost(raw)) done(new HttpRefusalError(400, 'A request has one Host header.'));
    else if (cameInTheClear(raw) && !HEALTH.has(route)) done(new ForbiddenError('Use https.'));
    else if (connections.isSpare(raw.socket) && !PROBES.has(route))
      done(new UnavailableError('This node is at its limit of requests: try again in a moment.'));
    else done();
  });
  countAnswers(app);
  // For `Expect: 100-continue`: a refusal is sent before the client sends its body (RFC 9110 §10.1.1). A client of
  // HTTP/1.0 would take the invitation for the response.
  fastify.addHook('preParsing', ({ raw }, reply, _payload, done) => {
    if (raw.headers.expect !== undefined && raw.httpVersion !== '1.0') reply.raw.writeContinue();
    done();
  });
  const rules = [...RULES.map((rule) => app.get<RouteRule>(rule)), ...app.get(ConsoleRules).all];
  applyRouteRules(fastify, [graphqlRule(origins, errors), ...rules]);
}

/**
 * Nest sets its error handler after the routes are registered, when Fastify ignores it with a warning. Ours is set
 * first and stays.
 */
class OwnErrorsAdapter extends FastifyAdapter {
  override setErrorHandler(): ReturnType<FastifyAdapter['setErrorHandler']> {
    return this.getInstance();
  }
}
