import { type DocumentNode, GraphQLError, Kind, type SelectionNode, type SelectionSetNode } from 'graphql';
import { BadUserInputError, type SallyportError } from '../../errors/sallyport.errors.js';
import { type Fragments, fragmentsOf } from './collect-fields.js';

/** The longest query text, in characters. */
export const MAX_QUERY_LENGTH = 15_000;
/** How much of a query is read on both transports: graphql-js gives up beyond. */
export const PARSE_LIMITS = { maxTokens: 1000, maxSourceLength: MAX_QUERY_LENGTH } as const;

/** What an operation, or a fragment, may cost before any resolver runs, fragments counted where they are spread. */
const LIMITS = { levels: 6, aliases: 15, directives: 50, 'root fields': 20 } as const;
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
}

const WEIGHTLESS: Weight = { depth: 0, aliases: 0, directives: 0, roots: 0 };

/**
 * What is too large about a document. Looked at before any rule of GraphQL's own runs, since some of those take the square
 * of a document's length; this takes a few microseconds for each hundred tokens.
 *
 * @param introspection whether the schema may be asked for; its own queries are then free of the depth limit
 */
export function limitFaults(document: DocumentNode, introspection: boolean): readonly GraphQLError[] {
  const scale = new Scale(fragmentsOf(document), introspection);
  const faults: GraphQLError[] = [];
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION && definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
    const { depth, aliases, directives, roots } = scale.ofSet(definition.selectionSet);
    const isOperation = definition.kind === Kind.OPERATION_DEFINITION;
    const counts = { levels: depth, aliases, directives, 'root fields': isOperation ? roots : 0 };
    for (const [what, count] of Object.entries(counts)) {
      const limit = LIMITS[what as keyof typeof LIMITS];
      if (count > limit) faults.push(new GraphQLError(`Too many ${what}: at most ${limit}.`, { nodes: definition }));
    }
    if (faults.length > 0) return faults;
  }
  if (scale.sameNamePairs > MAX_SAME_NAME_PAIRS) {
    faults.push(new GraphQLError('The same field is selected too often: at most 100 times.'));
  }
  return faults;
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
  readonly #occurrences = new Map<string, number>();
  readonly #weights = new Map<string, Weight>();
  readonly #sets = new Map<SelectionSetNode, Weight>();

  constructor(
    private readonly fragments: Fragments,
    private readonly introspection: boolean,
  ) {}

  ofSet(set: SelectionSetNode): Weight {
    const known = this.#sets.get(set);
    if (known) return known;
    let weight = WEIGHTLESS;
    for (const selection of set.selections) weight = add(weight, this.#ofSelection(selection));
    this.#sets.set(set, weight);
    return weight;
  }

  #ofSelection(selection: SelectionNode): Weight {
    const directives = selection.directives?.length ?? 0;
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      return add({ ...WEIGHTLESS, directives }, this.#ofFragment(selection.name.value));
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
    };
  }

  #ofFragment(name: string): Weight {
    const known = this.#weights.get(name);
    if (known) return known;
    // A fragment that spreads itself weighs nothing the second time: GraphQL's own rules refuse the cycle.
    this.#weights.set(name, WEIGHTLESS);
    const fragment = this.fragments[name];
    const weight = fragment ? this.ofSet(fragment.selectionSet) : WEIGHTLESS;
    this.#weights.set(name, weight);
    return weight;
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
  };
}
