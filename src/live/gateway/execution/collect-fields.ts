import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  getDirectiveValues,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  type InlineFragmentNode,
  isAbstractType,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
  typeFromAST,
} from 'graphql';

/** The fragments of a document by name. Without a prototype, as graphql-js passes them to resolvers. */
export type Fragments = Record<string, FragmentDefinitionNode>;

/** What fields are collected from. */
export interface CollectionScope {
  readonly schema: GraphQLSchema;
  readonly fragments: Fragments;
  /** Whether `@skip` and `@include` keep a selection. */
  readonly includes: (node: SelectionNode) => boolean;
}

/**
 * CollectFields of the GraphQL specification (section 6.3.2), as graphql-js does it: the fields selected on an object
 * of this type, by response name, in order. A fragment counts once per call, at the first spread that is not excluded.
 *
 * @param sets the selection sets to merge: one for an operation, those of all its nodes for a field
 * @throws what `scope.includes` throws
 */
export function collectFields(
  scope: CollectionScope,
  type: GraphQLObjectType,
  sets: Iterable<SelectionSetNode>,
): Map<string, FieldNode[]> {
  const fields = new Map<string, FieldNode[]>();
  const spread = new Set<string>();
  const collect = (set: SelectionSetNode): void => {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        if (scope.includes(selection)) append(fields, selection);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        if (scope.includes(selection) && applies(scope.schema, selection, type)) collect(selection.selectionSet);
      } else if (!spread.has(selection.name.value) && scope.includes(selection)) {
        spread.add(selection.name.value);
        const fragment = scope.fragments[selection.name.value];
        if (fragment && applies(scope.schema, fragment, type)) collect(fragment.selectionSet);
      }
    }
  };
  for (const set of sets) collect(set);
  return fields;
}

/** The fragments of a document by name. */
export function fragmentsOf(document: DocumentNode): Fragments {
  const fragments = Object.create(null) as Fragments;
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  return fragments;
}

/**
 * Whether a selection stays for these variables. Throws a GraphQLError that names `if` when the condition is not a
 * Boolean.
 */
export function includedBy(variables: Record<string, unknown>): (node: SelectionNode) => boolean {
  return (node) =>
    node.directives === undefined ||
    node.directives.length === 0 ||
    (getDirectiveValues(GraphQLSkipDirective, node, variables)?.['if'] !== true &&
      getDirectiveValues(GraphQLIncludeDirective, node, variables)?.['if'] !== false);
}

function append(fields: Map<string, FieldNode[]>, node: FieldNode): void {
  const key = node.alias?.value ?? node.name.value;
  const present = fields.get(key);
  if (present) present.push(node);
  else fields.set(key, [node]);
}

function applies(
  schema: GraphQLSchema,
  { typeCondition }: InlineFragmentNode | FragmentDefinitionNode,
  type: GraphQLObjectType,
): boolean {
  if (!typeCondition) return true;
  const condition = typeFromAST(schema, typeCondition);
  return condition === type || (isAbstractType(condition) && schema.isSubType(condition, type));
}
