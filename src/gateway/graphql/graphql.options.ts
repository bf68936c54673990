import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import type { ApolloServerPlugin } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError, type GraphQLFormattedError, OperationTypeNode } from 'graphql';
import type { Logger } from 'pino';
import type { RequestViewer } from '../../auth/session/request-viewer.js';
import type { HttpConfig } from '../../config/config.js';
import { SallyportError } from '../../errors/sallyport.errors.js';
import { GRAPHQL_PATH } from '../../protocol/payload.js';
import { parseAddressRanges } from '../../viewer/client-address.js';
import { clientFacts } from '../../viewer/client-facts.js';
import type { ContextCookies, GraphqlContext } from '../../viewer/graphql-context.js';
import { GraphQLDateTime } from './date-time.scalar.js';
import { limitRules, MAX_QUERY_TOKENS, refused } from './operation-limits.js';
import { showError } from './show-error.js';

/** How GraphQL runs over HTTP: the same limits, masking and introspection as on the socket. */
export function graphqlOptions(http: HttpConfig, viewers: RequestViewer, logger: Logger): ApolloDriverConfig {
  const { introspection } = http;
  const trusted = parseAddressRanges(http.trustedProxies);
  return {
    driver: ApolloDriver,
    path: GRAPHQL_PATH,
    autoSchemaFile: true,
    sortSchema: true,
    buildSchemaOptions: { scalarsMap: [{ type: Date, scalar: GraphQLDateTime }] },
    graphiql: false,
    introspection,
    csrfPrevention: true,
    persistedQueries: false,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: !introspection,
    parseOptions: { maxTokens: MAX_QUERY_TOKENS },
    validationRules: limitRules(introspection),
    plugins: [ApolloServerPluginLandingPageDisabled(), operationRules],
    preserveHttpStatusForExecutionErrors: false,
    formatError: (formatted, error) => showError(asGraphQLError(formatted, error), logger),
    context: async (request: FastifyRequest, reply: FastifyReply): Promise<GraphqlContext> => ({
      viewer: await viewers.fromCookie(request.headers.cookie).catch(failAsAnswer),
      client: clientFacts(request.raw, trusted),
      cookies: cookiesOf(request, reply),
    }),
  };
}

/** Nobody knows who asks while a store is away. Apollo answers 500 to that by itself; errors of GraphQL are answered with 200. */
function failAsAnswer(error: unknown): never {
  if (!(error instanceof SallyportError)) throw error;
  const extensions = { ...error.extensions, http: { status: 200 } };
  throw new GraphQLError(error.message, { originalError: error, extensions });
}

/** Of several values for one cookie, as two sign-ins in one document set them, the last alone is sent. */
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

/** Apollo would run a subscription's resolver as if it were a query's. */
const operationRules: ApolloServerPlugin<GraphqlContext> = {
  async requestDidStart() {
    return {
      async didResolveOperation({ operation }) {
        if (operation?.operation === OperationTypeNode.SUBSCRIPTION) {
          throw refused('query', 'Subscriptions run over the WebSocket: see PROTOCOL.md.');
        }
      },
    };
  },
};

/** Apollo hands over its own wrapper or, before execution, a plain GraphQLError with its code. */
function asGraphQLError(formatted: GraphQLFormattedError, error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  return new GraphQLError(formatted.message, { originalError: unwrapResolverError(error) as Error });
}
