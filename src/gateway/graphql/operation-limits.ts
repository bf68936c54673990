import {
  BREAK,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import { BadUserInputError } from '../../errors/sallyport.errors.js';

/** The longest query text, in characters. */
const MAX_QUERY_LENGTH = 15_000;
/** How many tokens of a query are read. */
export const MAX_QUERY_TOKENS = 1000;

/** What an operation may cost before any resolver runs, fragments counted where they are spread. */
const LIMITS = { levels: 6, aliases: 15, directives: 50, 'root fields': 20 } as const;

interface Weight {
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
}

const WEIGHTLESS: Weight = { depth: 0, aliases: 0, directives: 0 };

/**
 * The rules on every operation beside GraphQL's own, on HTTP and on the socket alike.
 *
 * @param introspection whether the schema may be asked for; its own queries are then free of the depth limit
 */
export function limitRules(introspection: boolean): ValidationRule[] {
  const limits: ValidationRule = (context) => ({
    Document({ loc }) {
      if ((loc?.source.body.length ?? 0) <= MAX_QUERY_LENGTH) return undefined;
      context.reportError(new GraphQLError(`The query is too long: at most ${MAX_QUERY_LENGTH} characters.`));
      return BREAK;
    },
    OperationDefinition(operation) {
      for (const [what, count] of Object.entries(weigh(context, operation, introspection))) {
        const limit = LIMITS[what as keyof typeof LIMITS];
        if (count > limit)
          context.reportError(new GraphQLError(`Too many ${what}: at most ${limit}.`, { nodes: operation }));
      }
    },
  });
  return introspection ? [limits] : [limits, NoSchemaIntrospectionCustomRule];
}

function weigh(
  context: ValidationContext,
  operation: OperationDefinitionNode,
  introspection: boolean,
): Record<keyof typeof LIMITS, number> {
  const fragments = new Map<string, Weight>();
  const ofSelection = (selection: SelectionNode): Weight => {
    const directives = selection.directives?.length ?? 0;
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      return add({ ...WEIGHTLESS, directives }, ofFragment(selection.name.value));
    }
    const inner = ofSet(selection.selectionSet);
    if (selection.kind === Kind.INLINE_FRAGMENT) return add({ ...WEIGHTLESS, directives }, inner);
    const free = introspection && selection.name.value.startsWith('__');
    return {
      depth: free ? 0 : inner.depth + 1,
      aliases: inner.aliases + (selection.alias ? 1 : 0),
      directives: inner.directives + directives,
    };
  };
  const ofSet = (set: SelectionSetNode | undefined): Weight =>
    set ? set.selections.map(ofSelection).reduce(add, WEIGHTLESS) : WEIGHTLESS;
  const ofFragment = (name: string): Weight => {
    const known = fragments.get(name);
    if (known) return known;
    // A fragment that spreads itself weighs nothing the second time: GraphQL's own rules refuse the cycle.
    fragments.set(name, WEIGHTLESS);
    const fragment: FragmentDefinitionNode | null | undefined = context.getFragment(name);
    const weight = ofSet(fragment?.selectionSet);
    fragments.set(name, weight);
    return weight;
  };
  const { depth, aliases, directives } = ofSet(operation.selectionSet);
  return { levels: depth, aliases, directives, 'root fields': operation.selectionSet.selections.length };
}

function add(one: Weight, other: Weight): Weight {
  return {
    depth: Math.max(one.depth, other.depth),
    aliases: one.aliases + other.aliases,
    directives: one.directives + other.directives,
  };
}

/** A refusal of ours as GraphQL's errors are: `field` names what of the request is wrong. */
export function refused(field: string, message: string): GraphQLError {
  return new GraphQLError(message, { originalError: new BadUserInputError(field, message) });
}
