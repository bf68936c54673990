import { getOperationAST, GraphQLError, type GraphQLSchema, OperationTypeNode, parse } from 'graphql';
import { LRUCache } from 'lru-cache';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import type { DocumentBudget } from './document-budget.js';
import { DocumentRules } from './document-rules.js';
import { ExecutableOperation, operationKey } from './executable-operation.js';
import { LiveOperations } from './live-operations.js';
import { asError, PARSE_LIMITS, refused } from './operation-limits.js';

/** Memory limit of cached operations; the least recently used are evicted first. */
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * The result for a Subscribe's text: the operation to run, the errors, or that the viewer sends too many new documents.
 */
export type PreparedOperation = ExecutableOperation | readonly GraphQLError[] | 'too-many-documents';

/** Parses and validates each subscription text once for all connections. */
export class OperationCache {
  /** Operations that subscriptions use, cached or not. */
  readonly live = new LiveOperations();
  readonly #operations = new LRUCache<string, ExecutableOperation>({
    maxSize: MAX_BYTES,
    sizeCalculation: (operation) => operation.bytes,
  });
  readonly #rules: DocumentRules;

  /** @param introspection whether clients may ask for the schema, and errors may suggest its names */
  constructor(
    private readonly schema: GraphQLSchema,
    introspection: boolean,
    private readonly budget: DocumentBudget,
  ) {
    this.#rules = new DocumentRules(schema, introspection);
  }

  /**
   * The operation to run, or why there is none. A text that is new to this node is charged to the viewer's budget and
   * the node's. If the node's is used up the client must try again, because waiting would be a queue that any client
   * could fill.
   */
  prepare(query: string, operationName: string | null | undefined, viewer: string): PreparedOperation {
    const key = operationKey(query, operationName);
    const known = this.#operations.get(key) ?? this.live.find(key);
    if (known) return known;
    const made = this.budget.spend({ viewer }, () => this.#make(query, operationName ?? undefined));
    if (!made.done) return made.spent === 'subject' ? 'too-many-documents' : [busy()];
    const operation = made.value;
    if (operation instanceof ExecutableOperation) this.#operations.set(key, operation);
    return operation;
  }

  #make(query: string, operationName: string | undefined): ExecutableOperation | readonly GraphQLError[] {
    try {
      const document = parse(query, PARSE_LIMITS);
      const errors = this.#rules.faults(document);
      if (errors.length > 0) return errors;
      const operation = getOperationAST(document, operationName);
      if (!operation) return [refused('operationName', 'Name the one operation of the document that is to run.')];
      if (operation.operation !== OperationTypeNode.SUBSCRIPTION) {
        return [refused('query', 'Only subscriptions run over the socket: send queries and mutations by HTTP POST.')];
      }
      return new ExecutableOperation(this.schema, document, operation, operationName);
    } catch (error) {
      if (error instanceof GraphQLError) return [error];
      throw error;
    }
  }
}

/** The error while the node's budget for new documents is used up. */
export function busy(): GraphQLError {
  return asError(new UnavailableError('Too many new documents at once on this server: try again in a moment.'));
}

/** The error while the node's memory limit for subscriptions is reached. */
export function full(): GraphQLError {
  return asError(new UnavailableError('Too many different subscriptions on this server: try again in a moment.'));
}
