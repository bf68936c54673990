import { compileQuery, isCompiledQuery } from 'graphql-jit';
import {
  type DocumentNode,
  execute,
  type ExecutionResult,
  getOperationAST,
  type GraphQLSchema,
  valueFromASTUntyped,
} from 'graphql';
import type { TopicEvent } from '../../topics/topic-event.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import type { ByteText } from '../connection/frame.js';

/** How often an operation is run by the interpreter before it is worth compiling. */
const COMPILE_AFTER_USES = 2;
/** How many different sets of variables of one operation share their results. */
const MAX_VARIANTS = 100;
/** The longest variables, as JSON, whose results are shared. */
const MAX_KEY_LENGTH = 1024;

type Execute = (
  root: unknown,
  context: GraphqlContext,
  variables: Record<string, unknown>,
) => ExecutionResult | Promise<ExecutionResult>;

/** One set of variables of one operation: what subscribers must share for one result to serve them all. */
export interface Variant {
  readonly variables: Record<string, unknown>;
  /** The result that was made last, for the other subscribers to the same event. */
  last: { readonly event: TopicEvent; readonly text: ByteText } | null;
}

/**
 * One operation of one document, parsed and validated, shared by all connections that send the same text.
 * From its second use on it is compiled by graphql-jit; where that refuses, graphql-js goes on interpreting it.
 */
export class ExecutableOperation {
  /** Set once a resolver was seen to read the context: results are then made for each subscriber. */
  personal = false;
  readonly #variants = new Map<string, Variant>();
  readonly #defaults: Readonly<Record<string, unknown>>;
  #uses = 0;
  #compiled: Execute | null = null;

  constructor(
    private readonly schema: GraphQLSchema,
    readonly document: DocumentNode,
    readonly operationName: string | undefined,
  ) {
    this.#defaults = defaultsOf(document, operationName);
  }

  /** Counts a subscriber in, and compiles when there are enough. */
  use(): void {
    if (++this.#uses === COMPILE_AFTER_USES) this.#compile();
  }

  /** Runs the operation over one event's root value. */
  run(root: unknown, context: GraphqlContext, variant: Variant): ExecutionResult | Promise<ExecutionResult> {
    if (!this.#compiled) return this.#interpret(root, context, variant);
    const result = this.#compiled(root, context, variant.variables);
    // Compiled code may meet several failures in another order: what a client is told of them is graphql-js's to say.
    if (!(result instanceof Promise)) return result.errors ? this.#interpret(root, context, variant) : result;
    return result.then((settled) => (settled.errors ? this.#interpret(root, context, variant) : settled));
  }

  /** The shared identity of these variables; beyond 100 different ones a private identity, which shares nothing. */
  variant(variables: Record<string, unknown> | null | undefined): Variant {
    const whole = { ...this.#defaults, ...variables };
    const key = JSON.stringify(whole);
    const known = this.#variants.get(key);
    if (known) return known;
    const variant: Variant = { variables: whole, last: null };
    if (this.#variants.size < MAX_VARIANTS && key.length <= MAX_KEY_LENGTH) this.#variants.set(key, variant);
    return variant;
  }

  #interpret(
    rootValue: unknown,
    contextValue: GraphqlContext,
    { variables }: Variant,
  ): ExecutionResult | Promise<ExecutionResult> {
    const { schema, document } = this;
    const operationName = this.operationName ?? null;
    return execute({ schema, document, rootValue, contextValue, variableValues: variables, operationName });
  }

  #compile(): void {
    const compiled = compileQuery(this.schema, this.document, this.operationName);
    if (!isCompiledQuery(compiled)) return;
    this.#compiled = (root, context, variables) => compiled.query(root, context, variables);
  }
}

/** graphql-jit overlooks the default of a variable that may not be null: defaults are given to it as if the client had. */
function defaultsOf(document: DocumentNode, operationName: string | undefined): Record<string, unknown> {
  const definitions = getOperationAST(document, operationName)?.variableDefinitions ?? [];
  return Object.fromEntries(
    definitions.flatMap(({ variable, defaultValue }) =>
      defaultValue ? [[variable.name.value, valueFromASTUntyped(defaultValue)]] : [],
    ),
  );
}
