import { buildSchema, getOperationAST, type GraphQLScalarType, parse } from 'graphql';
import { expect, it } from 'vitest';
import { ExecutableOperation } from './executable-operation.js';

const SDL = `
  scalar BigInt
  directive @cost(is: BigInt) on FIELD
  type Query { none: Int }
  type Subscription { number: Int }`;

it("plans an operation whose variable is a BigInt in an application's own directive", () => {
  const schema = buildSchema(SDL);
  (schema.getType('BigInt') as GraphQLScalarType).parseValue = (value) => BigInt(value as number);
  const document = parse('subscription ($cost: BigInt) { number @cost(is: $cost) }');
  const operation = new ExecutableOperation(schema, document, getOperationAST(document)!, undefined);
  expect(operation.variant({ cost: 3 })).toMatchObject({ coerced: { cost: 3n }, plan: expect.anything() });
});
