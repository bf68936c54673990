import {
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  OperationTypeNode,
  parse,
  SingleFieldSubscriptionsRule,
  specifiedRules,
  validate,
  type ValidationRule,
} from 'graphql';
import { ExecutableOperation } from './executable-operation.js';
import { SingleRootFieldRule } from './single-root-field.rule.js';
import { MAX_QUERY_TOKENS, refused } from './operation-limits.js';

/** How many operations are kept; the one unused for longest goes first. */
const MAX_OPERATIONS = 1000;
const MAX_VALIDATION_ERRORS = 100;

/** GraphQL's own, one of them mended. */
const RULES = [...specifiedRules.filter((rule) => rule !== SingleFieldSubscriptionsRule), SingleRootFieldRule];

/** Parses and validates each subscription text once for all connections. */
export class OperationCache {
  readonly #operations = new Map<string, ExecutableOperation>();
  readonly #rules: readonly ValidationRule[];

  /**
   * @param rules beside GraphQL's own
   * @param suggestions whether errors may suggest names of the schema
   */
  constructor(
    private readonly schema: GraphQLSchema,
    rules: readonly ValidationRule[],
    private readonly suggestions: boolean,
  ) {
    this.#rules = [...RULES, ...rules];
  }

  /** The operation to run, or every reason why it is refused. */
  prepare(query: string, operationName: string | null | undefined): ExecutableOperation | readonly GraphQLError[] {
    const key = `${operationName ?? ''}\n${query}`;
    const known = this.#operations.get(key);
    if (known) {
      // Moved to the young end: a Map iterates in the order of insertion.
      this.#operations.delete(key);
      this.#operations.set(key, known);
      return known;
    }
    const operation = this.#make(query, operationName ?? undefined);
    if (!(operation instanceof ExecutableOperation)) return operation;
    this.#operations.set(key, operation);
    if (this.#operations.size > MAX_OPERATIONS) this.#operations.delete(this.#operations.keys().next().value as string);
    return operation;
  }

  #make(query: string, operationName: string | undefined): ExecutableOperation | readonly GraphQLError[] {
    try {
      const document = parse(query, { maxTokens: MAX_QUERY_TOKENS });
      const options = { maxErrors: MAX_VALIDATION_ERRORS, hideSuggestions: !this.suggestions };
      const errors = validate(this.schema, document, this.#rules, options);
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
