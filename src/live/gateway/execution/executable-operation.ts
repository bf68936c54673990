import {
  type DocumentNode,
  execute,
  type ExecutionResult,
  getVariableValues,
  type GraphQLSchema,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import type { TopicEvent } from '../../topics/topic-event.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import type { ByteText } from '../connection/frame.js';
import { collectFields, fragmentsOf, includedBy } from './collect-fields.js';
import { documentBytes } from './operation-limits.js';
import { ExecutionPlan } from './execution-plan.js';

/** How many different sets of variables of one operation share their results. */
const MAX_VARIANTS = 100;
/** The longest variables, as JSON, whose results are shared. */
const MAX_KEY_LENGTH = 512;
/** How many combinations of conditions (`@skip`, `@include`) one operation is planned for; the rest is left to graphql-js. */
const MAX_PLANS = 8;

/** What any operation takes beside its text: the maps, and the last result of a few variants. */
const BASE_BYTES = 4096;

/** What an operation makes of one event: the JSON of `data` where all went well, else the result of graphql-js. */
export type Outcome = string | ExecutionResult;

/** One set of variables of one operation: what subscribers must share for one result to serve them all. */
export interface Variant {
  /** The variables that the operation declares, as the client gave them. */
  readonly given: Record<string, unknown>;
  /** The same coerced, where they can be shared by all events; null where each event gets its own. */
  readonly coerced: Record<string, unknown> | null;
  readonly plan: ExecutionPlan | null;
  /** Whether `@skip` and `@include` leave no field of the operation: there is nothing to subscribe to. */
  readonly selectsNothing: boolean;
  /** The result that was made last, for the other subscribers to the same event. */
  last: { readonly event: TopicEvent; readonly text: ByteText } | null;
}

/**
 * One operation of one document, parsed and validated, shared by all connections that send the same text.
 * Events are run by an {@link ExecutionPlan}, and by graphql-js wherever that has none or gives up.
 */
export class ExecutableOperation {
  /** Set once a resolver was seen to read the context: results are then made for each subscriber. */
  personal = false;
  /** What it is found by: the same for the same text and name. */
  readonly key: string;
  /** An estimate of the memory it takes, syntax tree and plans included. */
  readonly bytes: number;
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
    this.key = operationKey(document.loc?.source.body ?? '', operationName);
    this.bytes = BASE_BYTES + documentBytes(document);
  }

  /** Runs the operation over one event's root value. */
  run(root: unknown, context: GraphqlContext, variant: Variant): Outcome | Promise<Outcome> {
    const variables = variant.coerced ?? (variant.plan ? this.#coerce(variant.given) : null);
    const text = variables && variant.plan ? variant.plan.run(root, context, variables) : null;
    if (typeof text === 'string') return text;
    if (text === null) return this.#interpret(root, context, variant);
    return text.then((settled) => settled ?? this.#interpret(root, context, variant));
  }

  /** The shared identity of these variables; beyond 100 different ones a private identity, which shares nothing. */
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
    // Of variables that are refused nothing is kept: they may be anything.
    if (key !== null && coerced && this.#variants.size < MAX_VARIANTS) this.#variants.set(key, variant);
    return variant;
  }

  /** Called when the last subscription is over: what only subscribers share is given up, results above all. */
  rest(): void {
    this.#variants.clear();
  }

  #pick(variables: Record<string, unknown>): Record<string, unknown> {
    const picked = Object.create(null) as Record<string, unknown>;
    for (const name of this.#declared) if (Object.hasOwn(variables, name)) picked[name] = variables[name];
    return picked;
  }

  /** Null where graphql-js refuses the variables, as it did when the subscription was to start. */
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
      // A condition that is no Boolean: graphql-js refuses the subscription when it starts.
      return false;
    }
  }

  #interpret(rootValue: unknown, contextValue: GraphqlContext, { given }: Variant): Outcome | Promise<Outcome> {
    const { schema, document } = this;
    const operationName = this.operationName ?? null;
    return execute({ schema, document, rootValue, contextValue, variableValues: given, operationName });
  }
}

/** What an operation is found by. */
export function operationKey(query: string, operationName: string | null | undefined): string {
  return `${operationName ?? ''}\n${query}`;
}

/** The variables that stand in a `@skip` or `@include` somewhere in the document. */
function conditionsOf(document: DocumentNode): readonly string[] {
  const names = new Set<string>();
  visit(document, {
    Directive: (directive) => {
      visit(directive, { Variable: ({ name }) => void names.add(name.value) });
      return false;
    },
  });
  return [...names];
}

function isPrimitive(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

/** What equal variables have in common; null where they are too long, or where JSON has one text for two values: `null` and `1e999`. */
function keyOf(given: Record<string, unknown>): string | null {
  let exact = true;
  if (Object.keys(given).length === 0) return '{}';
  const key = JSON.stringify(given, (_, value: unknown) => {
    if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) exact = false;
    return value;
  });
  return exact && key.length <= MAX_KEY_LENGTH ? key : null;
}
