import { buildSchema } from 'graphql';
import { expect, it } from 'vitest';
import { DocumentBudget } from './document-budget.js';
import { ExecutableOperation } from './executable-operation.js';
import { OperationCache } from './operation-cache.js';

const QUERY = 'subscription One { number }';

function cache(): OperationCache {
  const schema = buildSchema('type Query { a: Int } type Subscription { number: Int }');
  return new OperationCache(schema, false, new DocumentBudget());
}

it.each([undefined, null, 'One'])('returns the operation with the name %j, the same one each time', (name) => {
  const operations = cache();
  const operation = operations.prepare(QUERY, name, 'viewer');
  expect(operation).toBeInstanceOf(ExecutableOperation);
  expect(operations.prepare(QUERY, name, 'viewer')).toBe(operation);
});

it.each(['', 'Two', 'One\n'])('refuses the name %j also if it has the document without a name', (name) => {
  const operations = cache();
  operations.prepare(QUERY, null, 'viewer');
  operations.prepare(`\n${QUERY}`, 'One', 'viewer');
  expect(operations.prepare(QUERY, name, 'viewer')).toMatchObject([
    { originalError: { extensions: { code: 'BAD_USER_INPUT', field: 'operationName' } } },
  ]);
});
