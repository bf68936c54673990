import {
  type ApolloServerPlugin,
  type GraphQLRequestContextResponseForOperation,
  type GraphQLRequestListener,
  type GraphQLResponse,
  HeaderMap,
} from '@apollo/server';
import { type GraphQLError, OperationTypeNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { HTTP_STATUS, TooManyRequestsError } from '../../live/errors/sallyport.errors.js';
import { addressBlock, addressIn, type AddressRange } from '../../live/viewer/client-address.js';
import type { GraphqlContext } from '../../live/viewer/graphql-context.js';
import { type BudgetSubject, type DocumentBudget, processorMs } from '../../live/gateway/execution/document-budget.js';
import { DocumentRules } from '../../live/gateway/execution/document-rules.js';
import { busy } from '../../live/gateway/execution/operation-cache.js';
import { asError, refused, variablesFault } from '../../live/gateway/execution/operation-limits.js';
import { showError } from '../../live/errors/show-error.js';

/** The memory limit of cached valid texts. */
const MAX_VALID_BYTES = 4 * 1024 * 1024;
const RETRY_AFTER_SECONDS = 1;

type Operation = GraphQLRequestContextResponseForOperation<GraphqlContext>;

/** What the plugin needs besides the request. */
export interface HttpDocumentsParts {
  readonly introspection: boolean;
  readonly budget: DocumentBudget;
  /** Addresses that are exempt from the per-network budget. */
  readonly exempt: readonly AddressRange[];
  readonly logger: Logger;
}

/**
 * Checks each document that Apollo Server has parsed before anything is executed, with the same rules and the same budget
 * as on the socket. Apollo's own validation is off: it runs all rules at once, and ours must come first.
 */
export class HttpDocuments implements ApolloServerPlugin<GraphqlContext> {
  readonly #valid = new LRUCache<string, true>({
    maxSize: MAX_VALID_BYTES,
    sizeCalculation: (_, text) => 2 * text.length + 100,
  });
  #rules: DocumentRules | null = null;

  constructor(private readonly parts: HttpDocumentsParts) {}

  async requestDidStart(): Promise<GraphQLRequestListener<GraphqlContext>> {
    return {
      parsingDidStart: async ({ contextValue }) => this.#chargeParsing(contextValue),
      responseForOperation: async (operation) => this.#refusal(operation),
    };
  }

  /** Returns null if the operation may be executed. */
  #refusal(operation: Operation): GraphQLResponse | null {
    const faults = this.#faults(operation);
    if (faults.length === 0) return null;
    const errors = faults.map((fault) => showError(fault, this.parts.logger));
    const code = errors[0]?.extensions?.['code'];
    const throttled = code === 'TOO_MANY_REQUESTS' || code === 'UNAVAILABLE';
    const headers = new HeaderMap(throttled ? [['retry-after', String(RETRY_AFTER_SECONDS)]] : []);
    const status = throttled ? HTTP_STATUS[code] : 400;
    return { http: { status, headers }, body: { kind: 'single', singleResult: { errors } } };
  }

  #faults(requested: Operation): readonly GraphQLError[] {
    const { request, operation } = requested;
    const deep = variablesFault(request.variables);
    if (deep) return [deep];
    const faults = this.#documentFaults(requested);
    if (faults.length > 0) return faults;
    if (!operation) return [refused('operationName', 'Name the one operation of the document that is to run.')];
    // Apollo would run a subscription's resolver like a query's.
    return operation.operation === OperationTypeNode.SUBSCRIPTION
      ? [
          refused(
            'query',
            'Subscriptions run over WebSocket (graphql-transport-ws), not over multipart or server-sent events: see PROTOCOL.md.',
          ),
        ]
      : [];
  }

  #documentFaults({ source, document, schema, contextValue }: Operation): readonly GraphQLError[] {
    if (this.#valid.get(source)) return [];
    const rules = (this.#rules ??= new DocumentRules(schema, this.parts.introspection));
    const checked = this.parts.budget.spend(this.#subject(contextValue), () => rules.faults(document));
    if (!checked.done)
      return [checked.spent === 'subject' ? asError(new TooManyRequestsError(RETRY_AFTER_SECONDS)) : busy()];
    if (checked.value.length === 0) this.#valid.set(source, true);
    return checked.value;
  }

  /** Apollo parses before any hook is called; parsing is bounded and cheap, and charged afterwards. */
  #chargeParsing(context: GraphqlContext): () => Promise<void> {
    const startedAtMs = processorMs();
    return async () => this.parts.budget.charge(this.#subject(context), processorMs() - startedAtMs);
  }

  #subject({ viewer, client }: GraphqlContext): BudgetSubject {
    if (viewer) return { viewer: viewer.id };
    return addressIn(client.address, this.parts.exempt) ? null : { network: addressBlock(client.address) };
  }
}
