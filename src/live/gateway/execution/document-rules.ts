import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  SingleFieldSubscriptionsRule,
  specifiedRules,
  validate,
  type ValidationRule,
  Kind,
  OperationTypeNode,
  type SelectionNode,
} from 'graphql';
import { limitFaults } from './operation-limits.js';
import { collectFields, fragmentsOf, includedBy } from './collect-fields.js';

/**
 * Replaces graphql-js's SingleFieldSubscriptionsRule (specification, section 5.2.3.1), which throws out of the
 * validation when a `@skip` or `@include` at the root has a variable. Fields whose condition is a variable count as
 * selected. Whether any field remains is checked when the subscription starts.
 */
const SingleRootFieldRule: ValidationRule = (context) => ({
  OperationDefinition(operation) {
    const schema = context.getSchema();
    const root = schema.getSubscriptionType();
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION || !root) return;
    const scope = { schema, fragments: fragmentsOf(context.getDocument()), includes: mayBeIncluded };
    const fields = [...collectFields(scope, root, [operation.selectionSet]).values()];
    const subject = operation.name ? `Subscription "${operation.name.value}"` : 'Anonymous Subscription';
    if (fields.length > 1) {
      const nodes = fields.slice(1).flat();
      context.reportError(new GraphQLError(`${subject} must select only one top level field.`, { nodes }));
    }
    for (const nodes of fields) {
      if (!nodes[0]?.name.value.startsWith('__')) continue;
      context.reportError(new GraphQLError(`${subject} must not select an introspection top level field.`, { nodes }));
    }
  },
});

const includedByLiterals = includedBy({});

/** A condition that is not a literal Boolean is checked by other rules, or when the variables are known. */
function mayBeIncluded(node: SelectionNode): boolean {
  const literal = (node.directives ?? []).filter(
    ({ name, arguments: given }) =>
      (name.value === 'skip' || name.value === 'include') &&
      given?.length === 1 &&
      given[0]?.value.kind === Kind.BOOLEAN,
  );
  return includedByLiterals({ ...node, directives: literal } as SelectionNode);
}

/** The most errors that a client sees, because creating an error costs more than the check that found it. */
const MAX_ERRORS = 20;
/** GraphQL's own rules, one of them replaced. */
const RULES: readonly ValidationRule[] = [
  ...specifiedRules.filter((rule) => rule !== SingleFieldSubscriptionsRule),
  SingleRootFieldRule,
];

/** The rules on every document, on HTTP and on the socket alike: first our limits, then GraphQL's own. */
export class DocumentRules {
  readonly #rules: readonly ValidationRule[];

  /** @param introspection whether clients may ask for the schema, and errors may suggest its names */
  constructor(
    private readonly schema: GraphQLSchema,
    private readonly introspection: boolean,
  ) {
    this.#rules = introspection ? RULES : [...RULES, NoSchemaIntrospectionCustomRule];
  }

  /** Every reason why a document is refused. */
  faults(document: DocumentNode): readonly GraphQLError[] {
    const tooLarge = limitFaults(document, this.introspection);
    if (tooLarge.length > 0) return tooLarge;
    // Where there are more, graphql-js adds an error that says so.
    const options = { maxErrors: MAX_ERRORS - 1, hideSuggestions: !this.introspection };
    return validate(this.schema, document, this.#rules, options);
  }
}
