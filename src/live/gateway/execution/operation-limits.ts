import {
  type DefinitionNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { BadUserInputError, type SallyportError } from '../../errors/sallyport.errors.js';
import { type Fragments, fragmentsOf } from './collect-fields.js';

/** The longest query text, in characters. */
export const MAX_QUERY_LENGTH = 15_000;
/** How much of a query is read on both transports: graphql-js gives up beyond. */
export const PARSE_LIMITS = { maxTokens: 1000, maxSourceLength: MAX_QUERY_LENGTH } as const;

/** What an operation, or a fragment, may cost before any resolver runs, fragments counted where they are spread. */
const LIMITS = { levels: 6, aliases: 15, directives: 50, 'root fields': 20, fields: 250 } as const;
/** What a whole document may hold. graphql-js compares each fragment of a selection with each, and walks all of them for each operation. */
const DOCUMENT_LIMITS = { operations: 10, fragments: 30, 'fragment spreads': 30 } as const;
/** Pairs of fields with one response name, in the whole document: graphql-js compares each with each. */
const MAX_SAME_NAME_PAIRS = 5000;
/** Bytes of heap for each token of a parsed text, measured: its part of the syntax tree, and of the plans made of it. */
const BYTES_PER_TOKEN = 1000;
/** How deep a variable may be nested. */
const MAX_VARIABLE_LEVELS = 64;

interface Weight {
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
  readonly roots: number;
  readonly fields: number;
}

const WEIGHTLESS: Weight = { depth: 0, aliases: 0, directives: 0, roots: 0, fields: 0 };

/**
 * What is too large about a document. Looked at before any rule of GraphQL's own runs, since some of those take the square
 * of a document's length; this takes a few microseconds for each hundred tokens.
 *
 * @param introspection whether the schema may be asked for; its own queries are then free of the limits on levels and fields
 */
export function limitFaults(document: DocumentNode, introspection: boolean): readonly GraphQLError[] {
  const scale = new Scale(fragmentsOf(document), introspection);
  const count = { operations: 0, fragments: 0 };
  for (const definition of document.definitions) {
    let faults: readonly GraphQLError[] = [];
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      count.operations++;
      faults = tooMany(LIMITS, countsOf(scale.ofSet(definition.selectionSet)), definition);
    } else if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      count.fragments++;
      faults = tooMany(LIMITS, countsOf({ ...scale.ofFragment(definition), roots: 0 }), definition);
    }
    if (faults.length === 0) faults = tooMany(DOCUMENT_LIMITS, { ...count, 'fragment spreads': scale.spreads });
    if (faults.length > 0) return faults;
  }
  if (scale.sameNamePairs <= MAX_SAME_NAME_PAIRS) return [];
  return [new GraphQLError('The same field is selected too often: at most 100 times.')];
}

function countsOf({ depth, aliases, directives, roots, fields }: Weight): Record<keyof typeof LIMITS, number> {
  return { levels: depth, aliases, directives, 'root fields': roots, fields };
}

function tooMany<What extends string>(
  limits: Readonly<Record<What, number>>,
  counts: Readonly<Record<What, number>>,
  node?: DefinitionNode,
): readonly GraphQLError[] {
  return (Object.keys(limits) as What[])
    .filter((what) => counts[what] > limits[what])
    .map((what) => new GraphQLError(`Too many ${what}: at most ${limits[what]}.`, node ? { nodes: node } : {}));
}

/** Refuses variables that are nested so deeply that whatever walks them would run out of stack; null for all others. */
export function variablesFault(variables: unknown): GraphQLError | null {
  let level: unknown[] = [variables];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_VARIABLE_LEVELS) {
      return refused('variables', `The variables are nested too deeply: at most ${MAX_VARIABLE_LEVELS} levels.`);
    }
    level = level.flatMap((value): unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return null;
}

/** An estimate of the memory that a parsed document takes, with its text. */
export function documentBytes({ loc }: DocumentNode): number {
  let tokens = 0;
  for (let token = loc?.startToken; token; token = token.next ?? undefined) tokens++;
  return tokens * BYTES_PER_TOKEN + 2 * (loc?.source.body.length ?? 0);
}

/** A refusal of ours as GraphQL's errors are: `field` names what of the request is wrong. */
export function refused(field: string, message: string): GraphQLError {
  return asError(new BadUserInputError(field, message));
}

/** An error of ours as GraphQL's are. */
export function asError(error: SallyportError): GraphQLError {
  return new GraphQLError(error.message, { originalError: error });
}

class Scale {
  /** Of all selections that were weighed, each counted once. */
  sameNamePairs = 0;
  /** Of fragments, each counted once where it stands. */
  spreads = 0;
  readonly #occurrences = new Map<string, number>();
  readonly #sets = new Map<SelectionSetNode, Weight>();

  constructor(
    private readonly fragments: Fragments,
    private readonly introspection: boolean,
  ) {}

  ofSet(set: SelectionSetNode): Weight {
    const known = this.#sets.get(set);
    if (known) return known;
    const weight = this.#sum(set);
    this.#sets.set(set, weight);
    return weight;
  }

  #sum({ selections }: SelectionSetNode): Weight {
    let weight = WEIGHTLESS;
    for (const selection of selections) weight = add(weight, this.#ofSelection(selection));
    return weight;
  }

  #ofSelection(selection: SelectionNode): Weight {
    const directives = selection.directives?.length ?? 0;
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      this.spreads++;
      const fragment = this.fragments[selection.name.value];
      return add({ ...WEIGHTLESS, directives }, fragment ? this.ofFragment(fragment) : WEIGHTLESS);
    }
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      return add({ ...WEIGHTLESS, directives }, this.ofSet(selection.selectionSet));
    }
    this.#countName(selection.alias?.value ?? selection.name.value);
    const inner = selection.selectionSet ? this.ofSet(selection.selectionSet) : WEIGHTLESS;
    const free = this.introspection && selection.name.value.startsWith('__');
    return {
      depth: free ? 0 : inner.depth + 1,
      aliases: inner.aliases + (selection.alias ? 1 : 0),
      directives: inner.directives + directives,
      roots: 1,
      fields: free ? 0 : inner.fields + 1,
    };
  }

  ofFragment({ selectionSet, typeCondition }: FragmentDefinitionNode): Weight {
    const known = this.#sets.get(selectionSet);
    if (known) return known;
    // A fragment that spreads itself weighs nothing the second time: GraphQL's own rules refuse the cycle.
    this.#sets.set(selectionSet, WEIGHTLESS);
    const weight = this.#sum(selectionSet);
    const free = this.introspection && typeCondition.name.value.startsWith('__');
    const kept = free ? { ...weight, depth: 0, fields: 0 } : weight;
    this.#sets.set(selectionSet, kept);
    return kept;
  }

  #countName(name: string): void {
    const before = this.#occurrences.get(name) ?? 0;
    this.#occurrences.set(name, before + 1);
    this.sameNamePairs += before;
  }
}

function add(one: Weight, other: Weight): Weight {
  return {
    depth: Math.max(one.depth, other.depth),
    aliases: one.aliases + other.aliases,
    directives: one.directives + other.directives,
    roots: one.roots + other.roots,
    fields: one.fields + other.fields,
  };
}
