import { buildSchema, execute, GraphQLError, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { maskError } from './mask-error.js';
import { EmailTakenError } from './sallyport.errors.js';

const schema = buildSchema('type Query { login(password: String!, n: Int): Int }');
const CANARY = 'canary-7f3a';

function executed(resolver: () => unknown, query = '{ login(password: "x") }', variableValues = {}): GraphQLError {
  const result = execute({ schema, document: parse(query), rootValue: { login: resolver }, variableValues });
  const [error] = (result as { errors?: readonly GraphQLError[] }).errors ?? [];
  if (!error) throw new Error('no error to mask');
  return error;
}

function thrower(error: Error): () => never {
  return () => {
    throw error;
  };
}

describe('maskError', () => {
  test('shows our own errors with code and details', () => {
    const { shown, cause } = maskError(executed(thrower(new EmailTakenError())));
    expect(shown.extensions).toEqual({ code: 'EMAIL_TAKEN', field: 'email' });
    expect(cause).toBeUndefined();
  });

  test('hides what a resolver throws and returns it for the log', () => {
    const failure = new Error(`postgres://user:${CANARY}@host refused`);
    const { shown, cause } = maskError(executed(thrower(failure)));
    expect(JSON.stringify(shown)).not.toContain(CANARY);
    expect(shown.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
    expect(cause).toBe(failure);
  });

  test('hides the value that a field could not be made of', () => {
    const { shown } = maskError(executed(() => CANARY));
    expect(JSON.stringify(shown)).not.toContain(CANARY);
    expect(shown.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
  });

  test.each([
    ['an object', { secret: CANARY }],
    ['a list', [CANARY]],
  ])('names the variable and does not echo %s', (_, value) => {
    const { shown } = maskError(executed(() => 1, 'query ($p: String!) { login(password: $p) }', { p: value }));
    expect(shown).toMatchObject({
      message: 'Variable "$p" has a value of the wrong type.',
      extensions: { code: 'BAD_USER_INPUT', field: 'p' },
    });
  });

  test.each([
    ['a number', '{ login(password: 73001) }', '73001'],
    ['an object', `{ login(password: {a: "${CANARY}"}) }`, CANARY],
    ['a string for an Int', `{ login(password: "x", n: "${CANARY}") }`, CANARY],
  ])('does not echo %s that stands in the query', (_, query, secret) => {
    const [error] = validate(schema, parse(query));
    const { shown } = maskError(error!);
    expect(JSON.stringify(shown)).not.toContain(secret);
    expect(shown.extensions).toEqual({ code: 'GRAPHQL_VALIDATION_FAILED' });
  });

  test('keeps the syntax error and where it is', () => {
    const syntaxError = expectThrow(() => parse('{ login('));
    expect(maskError(syntaxError).shown).toMatchObject({
      extensions: { code: 'GRAPHQL_PARSE_FAILED' },
      locations: [{ line: 1, column: 9 }],
    });
  });
});

function expectThrow(action: () => unknown): GraphQLError {
  try {
    action();
  } catch (error) {
    if (error instanceof GraphQLError) return error;
  }
  throw new Error('nothing was thrown');
}
