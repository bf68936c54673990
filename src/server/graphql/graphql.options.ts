import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { unwrapResolverError } from '@apollo/server/errors';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';
import type { Sessions } from '../../live/sessions/sessions.js';
import type { LimitsConfig } from '../../live/live.config.js';
import type { ServerConfig } from '../config/config.js';
import { SallyportError } from '../../live/errors/sallyport.errors.js';
import { GRAPHQL_PATH } from '../../protocol/payload.js';
import { clientFacts } from '../../live/viewer/client-address.js';
import type { ContextCookies, GraphqlContext } from '../../live/viewer/graphql-context.js';
import { GraphQLDateTime } from '../../live/gateway/execution/date-time.scalar.js';
import type { DocumentBudget } from '../../live/gateway/execution/document-budget.js';
import type { OperationMetrics } from '../../live/gateway/execution/operation.metrics.js';
import { DocumentStore } from '../../live/gateway/execution/document-store.js';
import { HttpOperations } from './http-operations.plugin.js';
import { GraphqlSpans } from '../tracing/graphql-spans.plugin.js';
import { HttpDocuments } from './http-documents.plugin.js';
import { PARSE_LIMITS } from '../../live/gateway/execution/operation-limits.js';
import { EXECUTION_DEADLINE_MS, withDeadlines } from '../../live/gateway/execution/resolver-deadline.js';
import { showError } from '../../live/errors/show-error.js';

/** The options of GraphQL over HTTP: the same limits, masking and introspection as on the socket. */
export function graphqlOptions(
  http: ServerConfig,
  limits: LimitsConfig,
  sessions: Sessions,
  logger: Logger,
  budget: DocumentBudget,
  metrics: OperationMetrics,
): ApolloDriverConfig {
  const { introspection } = http;
  const { throttleExempt: exempt } = limits;
  return {
    driver: ApolloDriver,
    path: GRAPHQL_PATH,
    // Apollo waits until the HTTP server has no sockets left, so it stops after the gateway has drained.
    stopOnApplicationShutdown: true,
    autoSchemaFile: true,
    sortSchema: true,
    buildSchemaOptions: { scalarsMap: [{ type: Date, scalar: GraphQLDateTime }] },
    transformSchema: (schema) => withDeadlines(schema, EXECUTION_DEADLINE_MS),
    graphiql: false,
    introspection,
    csrfPrevention: true,
    persistedQueries: false,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    parseOptions: PARSE_LIMITS,
    documentStore: new DocumentStore(),
    // HttpDocuments validates: our limits first, then GraphQL's rules, within a budget.
    dangerouslyDisableValidation: true,
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      new HttpDocuments({ introspection, budget, exempt, logger }),
      new HttpOperations(metrics),
      new GraphqlSpans(),
    ],
    preserveHttpStatusForExecutionErrors: false,
    formatError: (formatted, error) => showError(asGraphQLError(formatted, error), logger),
    context: contextOf(http, sessions),
  };
}

function contextOf({ trustedProxies }: ServerConfig, sessions: Sessions) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<GraphqlContext> => ({
    viewer: (await sessions.read(request.raw).catch(failAsAnswer))?.viewer ?? null,
    client: clientFacts(request.raw, trustedProxies),
    cookies: cookiesOf(request, reply),
    answerByMs: performance.now() + EXECUTION_DEADLINE_MS,
  });
}

/**
 * The viewer is unknown while a store is unavailable. Apollo would answer with 500; GraphQL errors are answered with
 * 200.
 */
function failAsAnswer(error: unknown): never {
  if (!(error instanceof SallyportError)) throw error;
  const extensions = { ...error.extensions, http: { status: 200 } };
  throw new GraphQLError(error.message, { originalError: error, extensions });
}

/** If a cookie is set several times, as by two sign-ins in one document, only the last value is sent. */
function cookiesOf(request: FastifyRequest, reply: FastifyReply): ContextCookies {
  const byName = new Map<string, string>();
  return {
    sent: request.headers.cookie,
    set: (header) => {
      byName.set(header.slice(0, header.indexOf('=')), header);
      void reply.removeHeader('set-cookie').header('set-cookie', [...byName.values()]);
    },
  };
}

/** Apollo passes its own wrapper or, before execution, a plain GraphQLError with its code. */
function asGraphQLError(formatted: GraphQLFormattedError, error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  return new GraphQLError(formatted.message, { originalError: unwrapResolverError(error) as Error });
}
