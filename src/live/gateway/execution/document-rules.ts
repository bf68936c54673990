import {
  type DocumentNode,
  type GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  SingleFieldSubscriptionsRule,
  specifiedRules,
  validate,
  type ValidationRule,
} from 'graphql';
import { limitFaults } from './operation-limits.js';
import { SingleRootFieldRule } from './single-root-field.rule.js';

/** Each costs more than what it is about: a client sees that many, and that there are more. */
const MAX_VALIDATION_ERRORS = 20;
/** GraphQL's own, one of them mended. */
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
    const options = { maxErrors: MAX_VALIDATION_ERRORS, hideSuggestions: !this.introspection };
    return validate(this.schema, document, this.#rules, options);
  }
}
