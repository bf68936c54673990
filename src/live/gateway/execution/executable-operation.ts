import {
  createSourceEventStream,
  type DocumentNode,
  execute,
  type ExecutionArgs,
  type ExecutionResult,
  getVariableValues,
  GraphQLIncludeDirective,
  type GraphQLSchema,
  GraphQLSkipDirective,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import type { TopicEvent } from '../../topics/topic-event.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import type { ByteText } from '../connection/frame.js';
import { collectFields, fragmentsOf, includedBy } from './collect-fields.js';
import { documentBytes } from './operation-limits.js';
import { ExecutionPlan } from './execution-plan.js';
import { rootFieldOf } from './root-field.js';

/** How many different sets of variables of one operation share their results. */
const MAX_VARIANTS = 100;
/** The longest variables, as JSON, whose results are shared. */
const MAX_KEY_LENGTH = 512;
/**
 * How many combinations of conditions (`@skip`, `@include`) of one operation get a plan; the others are executed by
 * graphql-js.
 */
const MAX_PLANS = 8;

/** The directives that decide which fields are selected. */
const CONDITIONS: ReadonlySet<string> = new Set([GraphQLSkipDirective.name, GraphQLIncludeDirective.name]);

/** Memory of an operation besides its text: the maps and a few variants. */
const BASE_BYTES = 4096;

/** The result of one event: the JSON of `data` on success, else the result of graphql-js. */
export type Outcome = string | ExecutionResult;

/** One set of variables of one operation. Subscribers with the same set can share results. */
export interface Variant {
  /** The variables that the operation declares, as the client gave them. */
  readonly given: Record<string, unknown>;
  /** The coerced variables if all events can share them; null if each event gets its own. */
  readonly coerced: Record<string, unknown> | null;
  readonly plan: ExecutionPlan | null;
  /** Whether `@skip` and `@include` leave no field of the operation: then there is nothing to subscribe to. */
  readonly selectsNothing: boolean;
  /** The last result of this turn of the event loop, for the other subscribers to the same event. */
  last: { readonly event: TopicEvent; readonly text: ByteText } | null;
}

/**
 * One operation of one document, parsed and validated, shared by all connections that send the same text. Events are
 * executed by an {@link ExecutionPlan}, or by graphql-js if there is none or it fails.
 */
export class ExecutableOperation {
  /** True once a resolver has read the context: results are then computed for each subscriber. */
  personal = false;
  /** The cache key: the same for the same text and name. */
  readonly key: string;
  /** An estimate of the memory it takes, syntax tree and plans included. */
  readonly bytes: number;
  /** The subscription field. */
  readonly field: string;
  readonly #variants = new Map<string, Variant>();
  readonly #plans = new Map<string, ExecutionPlan | null>();
  readonly #declared: readonly string[];
  readonly #conditions: readonly string[];

  constructor(
    private readonly schema: GraphQLSchema,
    readonly document: DocumentNode,
    private readonly definition: OperationDefinitionNode,
    readonly operationName: string | undefined,
  ) {
    this.#declared = (definition.variableDefinitions ?? []).map(({ variable }) => variable.name.value);
    this.#conditions = conditionsOf(document);
    this.key = operationKey(this.text, operationName);
    this.field = rootFieldOf(document, definition);
    this.bytes = BASE_BYTES + documentBytes(document);
  }

  /** The text of its document. */
  get text(): string {
    return this.document.loc?.source.body ?? '';
  }

  /** Calls the field's `subscribe` resolver: an async iterable, or the errors of the resolver or the variables. */
  subscribe(context: GraphqlContext, { given }: Variant): Promise<AsyncIterable<unknown> | ExecutionResult> {
    return createSourceEventStream(this.#args(context, given));
  }

  /** Executes the operation with one event's root value, by graphql-js. */
  execute(rootValue: unknown, context: GraphqlContext, { given }: Variant): ExecutionResult | Promise<ExecutionResult> {
    return execute({ ...this.#args(context, given), rootValue });
  }

  /** As {@link execute}, by a plan if there is one. */
  run(root: unknown, context: GraphqlContext, variant: Variant): Outcome | Promise<Outcome> {
    const variables = variant.coerced ?? (variant.plan ? this.#coerce(variant.given) : null);
    const text = variables && variant.plan ? variant.plan.run(root, context, variables) : null;
    if (typeof text === 'string') return text;
    if (text === null) return this.execute(root, context, variant);
    return text.then((settled) => settled ?? this.execute(root, context, variant));
  }

  /** The shared object for these variables; beyond 100 different sets a private object, which shares nothing. */
  variant(variables: Record<string, unknown> | null | undefined): Variant {
    const given = this.#pick(variables ?? {});
    const key = keyOf(given);
    const known = key === null ? undefined : this.#variants.get(key);
    if (known) return known;
    const coerced = this.#coerce(given);
    const plan = coerced ? this.#plan(coerced) : null;
    const shared = coerced && Object.values(coerced).every(isPrimitive) ? Object.freeze(coerced) : null;
    const selectsNothing = coerced !== null && this.#selectsNothing(coerced);
    const variant: Variant = { given, coerced: shared, plan, selectsNothing, last: null };
    // Refused variables are not kept, since they may be anything.
    if (key !== null && coerced && this.#variants.size < MAX_VARIANTS) this.#variants.set(key, variant);
    return variant;
  }

  /** Called when the last subscription has ended: frees what only subscribers share. */
  clearVariants(): void {
    this.#variants.clear();
  }

  #pick(variables: Record<string, unknown>): Record<string, unknown> {
    const picked = Object.create(null) as Record<string, unknown>;
    for (const name of this.#declared) if (Object.hasOwn(variables, name)) picked[name] = variables[name];
    return picked;
  }

  /** Null if graphql-js refuses the variables, as it did when the subscription started. */
  #coerce(given: Record<string, unknown>): Record<string, unknown> | null {
    const { coerced } = getVariableValues(this.schema, this.definition.variableDefinitions ?? [], given, {
      maxErrors: 1,
    });
    return coerced ?? null;
  }

  #plan(variables: Record<string, unknown>): ExecutionPlan | null {
    const key = JSON.stringify(this.#conditions.map((name) => variables[name] ?? null));
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    if (this.#plans.size >= MAX_PLANS) return null;
    const { schema, definition: operation, document } = this;
    const plan = ExecutionPlan.make({ schema, operation, fragments: fragmentsOf(document), variables });
    this.#plans.set(key, plan);
    return plan;
  }

  #selectsNothing(variables: Record<string, unknown>): boolean {
    const { schema, document, definition } = this;
    const root = schema.getSubscriptionType();
    if (!root) return false;
    const scope = { schema, fragments: fragmentsOf(document), includes: includedBy(variables) };
    try {
      return collectFields(scope, root, [definition.selectionSet]).size === 0;
    } catch {
      // A condition that is not a Boolean: graphql-js refuses the subscription when it starts.
      return false;
    }
  }

  #args(contextValue: GraphqlContext, variableValues: Record<string, unknown>): ExecutionArgs {
    const { schema, document, operationName = null } = this;
    return { schema, document, operationName, contextValue, variableValues };
  }
}

/** The cache key of an operation. An empty name is not an absent one: no operation has it. */
export function operationKey(query: string, operationName: string | null | undefined): string {
  return `${JSON.stringify(operationName ?? null)}\n${query}`;
}

/** The variables that are used in a `@skip` or `@include` anywhere in the document. */
function conditionsOf(document: DocumentNode): readonly string[] {
  const names = new Set<string>();
  visit(document, {
    Directive: (directive) => {
      if (CONDITIONS.has(directive.name.value))
        visit(directive, { Variable: ({ name }) => void names.add(name.value) });
      return false;
    },
  });
  return [...names];
}

function isPrimitive(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

/**
 * A key that equal variables share; null if they are too long, or if different values have the same JSON, as `null` and
 * `1e999` have.
 */
function keyOf(given: Record<string, unknown>): string | null {
  let exact = true;
  if (Object.keys(given).length === 0) return '{}';
  const key = JSON.stringify(given, (_, value: unknown) => {
    if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) exact = false;
    return value;
  });
  return exact && key.length <= MAX_KEY_LENGTH ? key : null;
}
