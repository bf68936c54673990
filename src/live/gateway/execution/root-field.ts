import { type DocumentNode, Kind, type OperationDefinitionNode, type SelectionSetNode } from 'graphql';
import { fragmentsOf } from './collect-fields.js';

/**
 * The root field that an operation asks for, for metrics: the names in a valid document are those of the schema, while
 * clients choose the operation's name freely.
 *
 * @param document valid and within the limits of operation-limits.ts
 * @returns `several` if there is more than one, `none` without any
 */
export function rootFieldOf(document: DocumentNode, operation: OperationDefinitionNode): string {
  const fragments = fragmentsOf(document);
  const found = new Set<string>();
  const visited = new Set<SelectionSetNode>();
  const collect = (set: SelectionSetNode | undefined): void => {
    if (!set || visited.has(set)) return;
    visited.add(set);
    for (const selection of set.selections) {
      if (found.size > 1) return;
      if (selection.kind === Kind.FIELD) found.add(selection.name.value);
      else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet);
      else collect(fragments[selection.name.value]?.selectionSet);
    }
  };
  collect(operation.selectionSet);
  const [first = 'none'] = found;
  return found.size > 1 ? 'several' : first;
}
