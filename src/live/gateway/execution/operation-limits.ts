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
const MAX_QUERY_LENGTH = 15_000;
/** The most tokens of a query, on both transports: graphql-js stops parsing beyond it. */
export const PARSE_LIMITS = { maxTokens: 1000, maxSourceLength: MAX_QUERY_LENGTH } as const;

/** The limits of an operation or a fragment, checked before any resolver runs; fragments count at each spread. */
const LIMITS = { levels: 6, aliases: 15, directives: 50, 'root fields': 20, fields: 250 } as const;
/**
 * The limits of a whole document. graphql-js compares all pairs of fragments in a selection, and walks all of them for
 * each operation.
 */
const DOCUMENT_LIMITS = { operations: 10, fragments: 30, 'fragment spreads': 30 } as const;
/**
 * Pairs of fields with the same response name in the whole document, such as those of one field that is selected 100
 * times: graphql-js compares all pairs.
 */
const MAX_SAME_NAME_PAIRS = 5000;
/** Measured heap bytes per token of a parsed text: its share of the syntax tree and of the plans. */
const BYTES_PER_TOKEN = 1000;
/** How deep a variable may be nested. */
const MAX_VARIABLE_LEVELS = 64;

/** What the limits count, of a selection set with everything inside it. */
interface Complexity {
  readonly levels: number;
  readonly aliases: number;
  readonly directives: number;
  readonly roots: number;
  readonly fields: number;
}

const NONE: Complexity = { levels: 0, aliases: 0, directives: 0, roots: 0, fields: 0 };

/**
 * Reports which limits a document exceeds. Runs before GraphQL's own rules, since some of those need quadratic time;
 * this needs a few microseconds per hundred tokens.
 *
 * @param introspection whether introspection is allowed; its queries are then exempt from the limits on levels and
 * fields
 */
export function limitFaults(document: DocumentNode, introspection: boolean): readonly GraphQLError[] {
  const counter = new ComplexityCounter(fragmentsOf(document), introspection);
  const count = { operations: 0, fragments: 0 };
  for (const definition of document.definitions) {
    let faults: readonly GraphQLError[] = [];
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      count.operations++;
      faults = tooMany(LIMITS, countsOf(counter.ofSet(definition.selectionSet)), definition);
    } else if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      count.fragments++;
      faults = tooMany(LIMITS, countsOf({ ...counter.ofFragment(definition), roots: 0 }), definition);
    }
    if (faults.length === 0) faults = tooMany(DOCUMENT_LIMITS, { ...count, 'fragment spreads': counter.spreads });
    if (faults.length > 0) return faults;
  }
  if (counter.sameNamePairs <= MAX_SAME_NAME_PAIRS) return [];
  return [new GraphQLError(`Too many pairs of fields with the same response name: at most ${MAX_SAME_NAME_PAIRS}.`)];
}

function countsOf({ levels, aliases, directives, roots, fields }: Complexity): Record<keyof typeof LIMITS, number> {
  return { levels, aliases, directives, 'root fields': roots, fields };
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

/** Refuses variables that are nested so deeply that walking them would overflow the stack; null for all others. */
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

/** An estimate of the memory of a parsed document, with its text. */
export function documentBytes({ loc }: DocumentNode): number {
  let tokens = 0;
  for (let token = loc?.startToken; token; token = token.next ?? undefined) tokens++;
  return tokens * BYTES_PER_TOKEN + 2 * (loc?.source.body.length ?? 0);
}

/** One of our errors as a GraphQL error; `field` names the wrong part of the request. */
export function refused(field: string, message: string): GraphQLError {
  return asError(new BadUserInputError(field, message));
}

/** One of our errors as a GraphQL error. */
export function asError(error: SallyportError): GraphQLError {
  return new GraphQLError(error.message, { originalError: error });
}

class ComplexityCounter {
  /** Over all selections, each counted once. */
  sameNamePairs = 0;
  /** Over fragments, each counted once at its definition. */
  spreads = 0;
  readonly #occurrences = new Map<string, number>();
  readonly #sets = new Map<SelectionSetNode, Complexity>();

  constructor(
    private readonly fragments: Fragments,
    private readonly introspection: boolean,
  ) {}

  ofSet(set: SelectionSetNode): Complexity {
    const known = this.#sets.get(set);
    if (known) return known;
    const complexity = this.#sum(set);
    this.#sets.set(set, complexity);
    return complexity;
  }

  #sum({ selections }: SelectionSetNode): Complexity {
    let complexity = NONE;
    for (const selection of selections) complexity = add(complexity, this.#ofSelection(selection));
    return complexity;
  }

  #ofSelection(selection: SelectionNode): Complexity {
    const directives = selection.directives?.length ?? 0;
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      this.spreads++;
      const fragment = this.fragments[selection.name.value];
      return add({ ...NONE, directives }, fragment ? this.ofFragment(fragment) : NONE);
    }
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      return add({ ...NONE, directives }, this.ofSet(selection.selectionSet));
    }
    this.#countName(selection.alias?.value ?? selection.name.value);
    const inner = selection.selectionSet ? this.ofSet(selection.selectionSet) : NONE;
    const free = this.introspection && selection.name.value.startsWith('__');
    return {
      levels: free ? 0 : inner.levels + 1,
      aliases: inner.aliases + (selection.alias ? 1 : 0),
      directives: inner.directives + directives,
      roots: 1,
      fields: free ? 0 : inner.fields + 1,
    };
  }

  ofFragment({ selectionSet, typeCondition }: FragmentDefinitionNode): Complexity {
    const known = this.#sets.get(selectionSet);
    if (known) return known;
    // A fragment that spreads itself costs nothing the second time: GraphQL's own rules refuse the cycle.
    this.#sets.set(selectionSet, NONE);
    const complexity = this.#sum(selectionSet);
    const free = this.introspection && typeCondition.name.value.startsWith('__');
    const kept = free ? { ...complexity, levels: 0, fields: 0 } : complexity;
    this.#sets.set(selectionSet, kept);
    return kept;
  }

  #countName(name: string): void {
    const before = this.#occurrences.get(name) ?? 0;
    this.#occurrences.set(name, before + 1);
    this.sameNamePairs += before;
  }
}

function add(one: Complexity, other: Complexity): Complexity {
  return {
    levels: Math.max(one.levels, other.levels),
    aliases: one.aliases + other.aliases,
    directives: one.directives + other.directives,
    roots: one.roots + other.roots,
    fields: one.fields + other.fields,
  };
}
