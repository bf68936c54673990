import { buildSchema, execute, parse } from 'graphql';
import { expect, it } from 'vitest';
import { maskError } from '../../errors/mask-error.js';
import { withDeadlines } from './resolver-deadline.js';

const never = () => new Promise<never>(() => {});

it('answers a hanging resolver with UNAVAILABLE, and keeps the results of others', async () => {
  const schema = buildSchema('type Query { hangs: Int, answers: Int, later: Int }');
  const fields = schema.getQueryType()!.getFields();
  fields['hangs']!.resolve = never;
  fields['answers']!.resolve = () => 1;
  fields['later']!.resolve = async () => 2;
  const document = parse('{ hangs answers later }');
  const result = await execute({ schema: withDeadlines(schema, 20), document, contextValue: {} });
  expect(result.data).toEqual({ hangs: null, answers: 1, later: 2 });
  expect(result.errors?.map((error) => maskError(error).shown)).toMatchObject([
    { path: ['hangs'], extensions: { code: 'UNAVAILABLE' } },
  ]);
});

it('limits a result that is only like a promise, as query builders return it', async () => {
  const schema = buildSchema('type Query { hangs: Int }');
  // oxlint-disable-next-line unicorn/no-thenable -- the results of query builders are
  schema.getQueryType()!.getFields()['hangs']!.resolve = () => ({ then: () => {} });
  const result = await execute({ schema: withDeadlines(schema, 20), document: parse('{ hangs }'), contextValue: {} });
  expect(result.errors?.map((error) => maskError(error).shown.extensions)).toMatchObject([{ code: 'UNAVAILABLE' }]);
});

it('limits a whole request, however many of its mutations are slow', async () => {
  const schema = buildSchema('type Query { none: Int } type Mutation { hangs: Int }');
  schema.getMutationType()!.getFields()['hangs']!.resolve = never;
  const document = parse('mutation { a: hangs b: hangs c: hangs }');
  const contextValue = { answerByMs: performance.now() + 20 };
  const result = await execute({ schema: withDeadlines(schema, 60_000), document, contextValue });
  expect(result.errors).toHaveLength(3);
});

it('limits the resolver that starts a subscription', async () => {
  const schema = buildSchema('type Query { none: Int } type Subscription { hangs: Int }');
  const field = schema.getSubscriptionType()!.getFields()['hangs']!;
  field.subscribe = never;
  withDeadlines(schema, 20);
  await expect(field.subscribe({}, {}, {}, {} as never)).rejects.toMatchObject({ extensions: { code: 'UNAVAILABLE' } });
});
