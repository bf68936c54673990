import {
  defaultFieldResolver,
  defaultTypeResolver,
  type FieldNode,
  getArgumentValues,
  type GraphQLAbstractType,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import {
  isPromise,
  later,
  leaf,
  FALLBACK,
  fallBackWith,
  nonNull,
  nullable,
  type Path,
  quiet,
  type Run,
  type Text,
  type Write,
  writeList,
} from './value-writers.js';
import { type CollectionScope, collectFields, type Fragments, includedBy } from './collect-fields.js';

/**
 * The most fields of one plan, with fragments and possible types expanded. Larger operations are executed by
 * graphql-js.
 */
const MAX_FIELDS = 1000;

/** After this many events in a row that graphql-js had to execute, the plan is discarded. */
const GIVE_UP_AFTER = 10;

type Resolver = GraphQLFieldResolver<unknown, unknown>;

/** Writes one field of an object: its value as JSON. */
type WriteField = (source: unknown, run: Run, path: Path | undefined) => Text;

/** The input of a plan: one operation whose `@skip` and `@include` are decided. */
export interface PlanSource {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  readonly fragments: Fragments;
  /** The coerced variables; the plan is valid for all that have the same values in conditions. */
  readonly variables: Record<string, unknown>;
}

/**
 * An operation prepared for delivery: its fields are collected once, and each event is written as JSON by a tree of
 * closures. It handles only the successful case. Anything else, from a null in a non-null field to a resolver that
 * throws, ends the run with `null`, and the caller executes that event with graphql-js, so errors are exactly those of
 * graphql-js.
 */
export class ExecutionPlan {
  #fallbacksInARow = 0;

  private constructor(
    private readonly write: WriteField,
    /** How many fields it writes: a measure of the memory it holds. */
    readonly fields: number,
  ) {}

  /** Null if the operation cannot be planned: it is too large, or graphql-js answers it with an error. */
  static make(source: PlanSource): ExecutionPlan | null {
    const root = source.schema.getSubscriptionType();
    if (!root) return null;
    try {
      const planner = new Planner(source);
      return new ExecutionPlan(planner.object(root, [source.operation.selectionSet]), planner.fields);
    } catch {
      return null;
    }
  }

  /**
   * The JSON of `data`, or null if graphql-js must execute this event. A promise if a resolver returns one; it never
   * rejects. After ten events in a row that graphql-js had to execute it always returns null, since resolvers would run
   * twice.
   */
  run(root: unknown, context: unknown, variables: Record<string, unknown>): string | null | Promise<string | null> {
    if (this.#fallbacksInARow >= GIVE_UP_AFTER) return null;
    try {
      const text = this.write(root, { root, context, variables }, undefined);
      if (typeof text !== 'string') return text.then(this.#kept, this.#fellBack);
      this.#fallbacksInARow = 0;
      return text;
    } catch {
      return this.#fellBack();
    }
  }

  readonly #kept = (text: string): string => {
    this.#fallbacksInARow = 0;
    return text;
  };

  readonly #fellBack = (): null => {
    this.#fallbacksInARow++;
    return null;
  };
}

class Planner {
  fields = 0;
  readonly #scope: CollectionScope;

  constructor(private readonly source: PlanSource) {
    this.#scope = { ...source, includes: includedBy(source.variables) };
  }

  /** Writes an object of a known type: the braces, and each field by its response name, in order. */
  object(type: GraphQLObjectType, sets: Parameters<typeof collectFields>[2]): WriteField {
    const keys: string[] = [];
    const writers: WriteField[] = [];
    for (const [name, nodes] of collectFields(this.#scope, type, sets)) {
      const writer = this.#field(type, name, nodes);
      if (!writer) continue;
      keys.push(`${keys.length === 0 ? '{' : ','}${JSON.stringify(name)}:`);
      writers.push(writer);
    }
    if (keys.length === 0) return () => '{}';
    if (keys.length === 1) return single(keys[0]!, writers[0]!);
    return (source, run, path) => {
      let text = '';
      for (let index = 0; index < keys.length; index++) {
        const value = writers[index]!(source, run, path);
        if (typeof value !== 'string') return joinLater(text, keys, writers, index, value, source, run, path);
        text += keys[index]! + value;
      }
      return `${text}}`;
    };
  }

  /** Null if the type has no such field; graphql-js ignores it. */
  #field(parent: GraphQLObjectType, name: string, nodes: readonly FieldNode[]): WriteField | null {
    if (++this.fields > MAX_FIELDS) throw FALLBACK;
    const node = nodes[0]!;
    if (node.name.value === '__typename') return () => `"${parent.name}"`;
    const field = parent.getFields()[node.name.value];
    if (!field) return null;
    const type = this.#type(field.type, nodes);
    const step: FieldStep = { parent, name, nodes, field, write: type.write, args: argumentsOf(field, node) };
    if (!field.resolve || field.resolve === defaultFieldResolver) {
      return type.usesPath || step.args.perEvent
        ? this.#propertyWithPath(step, type)
        : property(field.name, type.write);
    }
    return this.#resolved(step, field.resolve);
  }

  #resolved(step: FieldStep, resolve: Resolver): WriteField {
    const { parent, name, write, args } = step;
    return (source, run, above) => {
      const path: Path = { prev: above, key: name, typename: parent.name };
      const info = this.#info(step, path, run);
      const value: unknown = resolve(source, args.read(run.variables), run.context, info);
      return isPromise(value) ? later(value, write, run, info, path) : write(value, run, info, path);
    };
  }

  #propertyWithPath(step: FieldStep, { usesInfo }: TypeStep): WriteField {
    const { parent, name, field, write, args } = step;
    return (source, run, above) => {
      const path: Path = { prev: above, key: name, typename: parent.name };
      if (args.perEvent) args.read(run.variables);
      const value = readProperty(source, field.name);
      const info = usesInfo ? this.#info(step, path, run) : null;
      return isPromise(value) ? later(value, write, run, info, path) : write(value, run, info, path);
    };
  }

  #info({ field, nodes, parent }: FieldStep, path: Path, { root, variables }: Run): GraphQLResolveInfo {
    const { schema, fragments, operation } = this.source;
    return {
      fieldName: field.name,
      fieldNodes: nodes,
      returnType: field.type,
      parentType: parent,
      path,
      schema,
      fragments,
      rootValue: root,
      operation,
      variableValues: variables,
    };
  }

  #type(type: GraphQLOutputType, nodes: readonly FieldNode[]): TypeStep {
    if (isNonNullType(type)) {
      const { write, ...uses } = this.#type(type.ofType, nodes);
      return { ...uses, write: (value, run, info, path) => nonNull(write(value, run, info, path)) };
    }
    if (isListType(type)) {
      const { write, ...uses } = this.#type(type.ofType, nodes);
      return { ...uses, write: nullable((value, run, info, path) => writeList(value, write, run, info, path)) };
    }
    if (isLeafType(type)) return { write: nullable(leaf(type)), usesPath: false, usesInfo: false };
    if (isObjectType(type)) {
      return { write: nullable(this.#checkedObject(type, nodes)), usesPath: true, usesInfo: Boolean(type.isTypeOf) };
    }
    return { write: nullable(this.#abstract(type, nodes)), usesPath: true, usesInfo: true };
  }

  #checkedObject(type: GraphQLObjectType, nodes: readonly FieldNode[]): Write {
    const write = this.object(type, selectionSets(nodes));
    if (!type.isTypeOf) return (value, run, _info, path) => write(value, run, path);
    return (value, run, info, path) => {
      const verdict = type.isTypeOf?.(value, run.context, info!);
      if (verdict !== true) throw fallBackWith(verdict);
      return write(value, run, path);
    };
  }

  #abstract(type: GraphQLAbstractType, nodes: readonly FieldNode[]): Write {
    const possible = this.source.schema.getPossibleTypes(type);
    const byName = new Map(possible.map((one) => [one.name, this.#checkedObject(one, nodes)]));
    const resolveType = type.resolveType ?? defaultTypeResolver;
    return (value, run, info, path) => {
      const name = resolveType(value, run.context, info!, type);
      const write = typeof name === 'string' ? byName.get(name) : undefined;
      if (!write) throw fallBackWith(name);
      return write(value, run, info, path);
    };
  }
}

interface FieldStep {
  readonly parent: GraphQLObjectType;
  readonly name: string;
  readonly nodes: readonly FieldNode[];
  readonly field: GraphQLField<unknown, unknown>;
  readonly write: Write;
  readonly args: Arguments;
}

interface TypeStep {
  readonly write: Write;
  readonly usesPath: boolean;
  readonly usesInfo: boolean;
}

/** A field's arguments, created for each call, since a resolver may change them. */
interface Arguments {
  readonly read: (variables: Record<string, unknown>) => Record<string, unknown>;
  /** Whether reading them may fail, depending on the variables. */
  readonly perEvent: boolean;
}

function argumentsOf(field: GraphQLField<unknown, unknown>, node: FieldNode): Arguments {
  if (field.args.length === 0) return { read: () => ({}), perEvent: false };
  const read: Arguments['read'] = (variables) => getArgumentValues(field, node, variables);
  if (readsVariables(node)) return { read, perEvent: true };
  const constant = read({});
  const plain = Object.values(constant).every((value) => typeof value !== 'object' || value === null);
  return { read: plain ? () => ({ ...constant }) : read, perEvent: false };
}

function readsVariables({ arguments: given = [] }: FieldNode): boolean {
  let found = false;
  for (const argument of given) visit(argument, { Variable: () => void (found = true) });
  return found;
}

function* selectionSets(nodes: readonly FieldNode[]): Iterable<NonNullable<FieldNode['selectionSet']>> {
  for (const { selectionSet } of nodes) if (selectionSet) yield selectionSet;
}

function single(key: string, writer: WriteField): WriteField {
  return (source, run, path) => {
    const value = writer(source, run, path);
    return typeof value === 'string' ? `${key}${value}}` : quiet(value.then((settled) => `${key}${settled}}`));
  };
}

/** Continues with an object that has an asynchronous field: the other fields start at once, as in graphql-js. */
function joinLater(
  before: string,
  keys: readonly string[],
  writers: readonly WriteField[],
  from: number,
  first: Promise<string>,
  source: unknown,
  run: Run,
  path: Path | undefined,
): Promise<string> {
  const values: Text[] = [first];
  for (let index = from + 1; index < keys.length; index++) values.push(writers[index]!(source, run, path));
  return quiet(
    Promise.all(values.map(async (value) => value)).then(
      (settled) => `${before}${settled.map((value, index) => keys[from + index]! + value).join('')}}`,
    ),
  );
}

function property(name: string, write: Write): WriteField {
  return (source, run, path) => {
    const value = readProperty(source, name);
    return isPromise(value) ? later(value, write, run, null, path) : write(value, run, null, path);
  };
}

/** Reads a property as graphql-js's default resolver does, except for functions, which that would call. */
function readProperty(source: unknown, name: string): unknown {
  if ((typeof source !== 'object' || source === null) && typeof source !== 'function') return undefined;
  const value = (source as Record<string, unknown>)[name];
  if (typeof value === 'function') throw FALLBACK;
  return value;
}
