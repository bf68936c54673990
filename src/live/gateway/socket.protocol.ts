import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import {
  type Context,
  makeServer,
  MessageType,
  type Server,
  stringifyMessage,
  type SubscribePayload,
} from 'graphql-ws';
import type { Logger } from 'pino';
import { GATEWAY_CONFIG, type GatewayConfig } from '../live.config.js';
import { UnavailableError } from '../errors/sallyport.errors.js';
import { LOGGER } from '../logging/logger.js';
import { CloseCode } from '../../protocol/close-code.js';
import { inAdmissionSpan } from './admission/admission-span.js';
import { ConnectionAdmission } from './admission/connection-admission.js';
import type { Connection, PingHandler } from './connection/connection.js';
import { DocumentBudget } from './execution/document-budget.js';
import { ExecutableOperation } from './execution/executable-operation.js';
import { toBytes } from './connection/frame.js';
import { type LiveOperations, OperationHold } from './execution/live-operations.js';
import { full, OperationCache } from './execution/operation-cache.js';
import { refused, variablesFault } from './execution/operation-limits.js';
import { Renderer, type ShowError, showError } from './execution/rendering.js';
import { never, Reservation } from './execution/reservation.js';
import { servedSchema } from './execution/served-schema.js';
import { subscribe, type SubscriptionParts, type SubscriptionRequest } from './execution/subscription.js';
import { SubscriptionMetrics } from './execution/subscription.metrics.js';

/** The most running subscriptions of one socket. */
const MAX_OPERATIONS = 100;
const MAX_OPERATION_ID_LENGTH = 128;
const PONG = toBytes(stringifyMessage({ type: MessageType.Pong }));

type SocketContext = Context<Record<string, unknown>, Connection>;
/** What runs for a Subscribe message, or why nothing does. */
type Prepared = SubscriptionRequest | readonly GraphQLError[];

/**
 * Implements the hooks of graphql-ws, which handles the `graphql-transport-ws` protocol. No hook throws for an expected
 * refusal: the refusing code closes the socket with the protocol's code first.
 */
@Injectable()
export class SocketProtocol {
  #server: Server<Connection> | null = null;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly admission: ConnectionAdmission,
    private readonly budget: DocumentBudget,
    private readonly metrics: SubscriptionMetrics,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Whether there is a schema to serve; call it when Nest has built it. An application without a `GraphQLModule` has
   * none: it publishes, and opens no sockets.
   *
   * @throws StartError as {@link servedSchema}
   */
  hasSchema(): boolean {
    if (this.#schema) return true;
    this.logger.warn('no sockets are opened: there is no schema. To serve subscriptions, import a GraphQLModule');
    return false;
  }

  /** Serves all connections. Created at first use, when Nest has built the schema. */
  get server(): Server<Connection> {
    return (this.#server ??= this.#makeServer(this.#schema!));
  }

  get #schema(): GraphQLSchema | null {
    return servedSchema(this.modules, this.config.path);
  }

  /** A Ping with a token refreshes; any other gets a Pong without payload, so that nothing is echoed. */
  readonly answerPing: PingHandler = async (connection, payload) => {
    if (payload?.token === undefined || connection.context === null) {
      connection.push(PONG);
      return;
    }
    const pong = await this.admission.refresh(connection, payload.token);
    if (pong) connection.push(toBytes(stringifyMessage({ type: MessageType.Pong, payload: { ...pong } })));
  };

  #makeServer(schema: GraphQLSchema): Server<Connection> {
    const { introspection } = this.config;
    const operations = new OperationCache(schema, introspection, this.budget);
    const show: ShowError = (error, context) => showError(error, this.logger, context?.client.requestId);
    const parts: SubscriptionParts = { renderer: new Renderer(show), metrics: this.metrics };
    return makeServer<Record<string, unknown>, Connection>({
      schema,
      // Our own deadlines cover the time to the ack, not only to the init.
      connectionInitWaitTimeout: 0,
      onConnect: (context) => this.#connect(context),
      onSubscribe: async (context, operationId, payload) => {
        const reservation = new Reservation();
        context.subscriptions[operationId] = reservation;
        const prepared = this.#prepare(() => prepare(schema, operations, context, operationId, payload, reservation));
        if ('schema' in prepared) return prepared;
        // The same read may have brought a Complete, which graphql-ws handles before it continues here.
        await Promise.resolve();
        return reservation.isOver ? never() : prepared;
      },
      subscribe: (request) => start(request as SubscriptionRequest, operations.live, parts),
      onNext: ({ extra: { context } }, _id, _payload, _args, { data, errors }) => {
        if (!errors) return undefined;
        const shown = errors.map((error) => show(error, context));
        return data === undefined ? { errors: shown } : { errors: shown, data };
      },
      onError: ({ extra: { context } }, _id, _payload, errors) => errors.map((error) => show(error, context)),
    });
  }

  #prepare(prepare: () => Prepared): Prepared {
    const startedAtMs = performance.now();
    try {
      const prepared = prepare();
      if (!('schema' in prepared)) this.metrics.answered(null, 'refused', startedAtMs);
      return prepared;
    } catch (error) {
      this.metrics.answered(null, 'failed', startedAtMs);
      return [fault(error)];
    }
  }

  async #connect(context: SocketContext): Promise<Record<string, unknown> | false> {
    const connection = context.extra;
    const payload = context.connectionParams ?? {};
    // So that the token is not kept in memory or seen by later hooks. Not with `delete`, which would turn each context
    // into a slow dictionary.
    Object.assign(context, { connectionParams: undefined });
    connection.receiveInit();
    const ack = await inAdmissionSpan(connection, () => this.admission.admit(connection, payload));
    return ack === null ? false : { ...ack };
  }
}

/**
 * A Subscribe that fails because of a server error is an Error for its id, and the socket stays open. An unavailable
 * store closes the socket instead, because ordinary clients retry after a close but not after an Error.
 *
 * @throws UnavailableError unchanged
 */
function fault(error: unknown): GraphQLError {
  if (error instanceof UnavailableError) throw error;
  return new GraphQLError('Not executed', { originalError: error instanceof Error ? error : new Error(String(error)) });
}

/** A result stream that fails immediately, which graphql-ws answers with an Error message. */
function failing(error: GraphQLError): AsyncGenerator<never, void, undefined> {
  const over = { done: true, value: undefined } as const;
  const results: AsyncGenerator<never, void, undefined> = {
    async next() {
      throw error;
    },
    async return() {
      return over;
    },
    async throw() {
      return over;
    },
    [Symbol.asyncIterator]: () => results,
  };
  return results;
}

/** Starts a subscription. If the operation ends before that, graphql-ws is not told. */
async function start(request: SubscriptionRequest, live: LiveOperations, parts: SubscriptionParts) {
  const { reservation } = request;
  if (reservation.isOver) return never();
  try {
    const started = await begin(request, live, parts);
    if (!reservation.isOver) return started;
    if (Symbol.asyncIterator in started) await started.return();
  } catch (error) {
    if (!reservation.isOver) return failing(fault(error));
  }
  return never();
}

/** Subscribes if there is memory for one more operation. */
async function begin(request: SubscriptionRequest, live: LiveOperations, parts: SubscriptionParts) {
  const { connection, contextValue, operation, messageBytes } = request;
  const hold = live.hold(operation, contextValue.viewer?.id ?? '', messageBytes);
  if (hold instanceof OperationHold) return measured(parts.metrics, operation, () => subscribe(request, parts, hold));
  parts.metrics.answered(null, 'refused', performance.now());
  if (hold === 'node-full') return failing(full());
  connection.close(CloseCode.PolicyViolation, 'Subscriptions hold too much memory');
  return failing(new GraphQLError('The socket is closed.'));
}

/** Starts a subscription, and records how long that took. */
async function measured<T extends object>(
  metrics: SubscriptionMetrics,
  { field }: ExecutableOperation,
  start: () => Promise<T>,
): Promise<T> {
  const startedAtMs = performance.now();
  try {
    const started = await start();
    metrics.answered(field, Symbol.asyncIterator in started ? 'ok' : 'failed', startedAtMs);
    return started;
  } catch (error) {
    metrics.answered(field, 'failed', startedAtMs);
    throw error;
  }
}

/** Closes a socket whose client exceeds a limit. */
function closeForAbuse({ extra: connection, subscriptions }: SocketContext, operationId: string): void {
  if (operationId.length > MAX_OPERATION_ID_LENGTH) {
    connection.close(CloseCode.BadRequest, 'Operation id too long');
  } else if (Object.keys(subscriptions).length > MAX_OPERATIONS) {
    connection.close(CloseCode.PolicyViolation, 'Too many subscriptions on one socket');
  }
}

function prepare(
  schema: GraphQLSchema,
  operations: OperationCache,
  context: SocketContext,
  operationId: string,
  payload: SubscribePayload,
  reservation: Reservation,
): Prepared {
  const connection = context.extra;
  const viewerContext = connection.context;
  closeForAbuse(context, operationId);
  if (connection.closed || !viewerContext) return [new GraphQLError('The socket is closed.')];
  const fault = variablesFault(payload.variables);
  if (fault) return [fault];
  const operation = operations.prepare(payload.query, payload.operationName, viewerContext.viewer?.id ?? '');
  if (operation === 'too-many-documents') {
    connection.close(CloseCode.PolicyViolation, 'Too many new documents');
    return [new GraphQLError('The socket is closed.')];
  }
  if (!(operation instanceof ExecutableOperation)) return operation;
  // graphql-ws keeps the payload for as long as the subscription lasts: with the text that all of them share.
  Object.assign(payload, { query: operation.text });
  const variant = operation.variant(payload.variables);
  if (variant.selectsNothing)
    return [refused('query', 'The operation selects no field: @skip or @include leaves none.')];
  return {
    schema,
    document: operation.document,
    operationName: operation.operationName ?? null,
    variableValues: payload.variables ?? null,
    contextValue: viewerContext,
    rootValue: undefined,
    connection,
    operationId,
    operation,
    variant,
    resume: payload.extensions?.['resume'],
    messageBytes: connection.messageBytes,
    reservation,
  };
}
