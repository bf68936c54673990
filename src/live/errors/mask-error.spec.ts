import {
  BadRequestException,
  ForbiddenException,
  HttpException,
  InternalServerErrorException,
  UnauthorizedException,
} from '@nestjs/common';
import { buildSchema, execute, GraphQLError, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { maskError } from './mask-error.js';
import { EmailTakenError } from './sallyport.errors.js';

const schema = buildSchema(`
  input Range { from: Int! = 0, to: Int }
  type Query { login(password: String!, n: Int): Int, find(in: Range, ids: [Int!]): Int }`);
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
  it('shows our own errors with code and details', () => {
    const { shown, cause } = maskError(executed(thrower(new EmailTakenError())));
    expect(shown.extensions).toEqual({ code: 'EMAIL_TAKEN', field: 'email' });
    expect(cause).toBeUndefined();
  });

  it.each([
    [new ForbiddenException('Not yours.'), 'Not yours.', 'FORBIDDEN'],
    [new UnauthorizedException('Sign in.'), 'Sign in.', 'UNAUTHENTICATED'],
    [new HttpException('Gone.', 410), 'Gone.', 'BAD_USER_INPUT'],
    [new GraphQLError('Sold out.', { extensions: { code: 'SOLD_OUT' } }), 'Sold out.', 'SOLD_OUT'],
  ])('shows %s, which an application throws for its client', (error, message, code) => {
    const { shown, cause } = maskError(executed(thrower(error)));
    expect(shown).toMatchObject({ message, extensions: { code } });
    expect(cause).toBeUndefined();
  });

  it.each([
    [new BadRequestException(['shop must be a string']), 'Bad Request Exception', ['shop must be a string']],
    [new ForbiddenException({ message: 'Not in your plan.', plan: 'free' }), 'Not in your plan.', 'Not in your plan.'],
  ])('shows what else %s says', (error, message, original) => {
    const { shown } = maskError(executed(thrower(error)));
    expect(shown).toMatchObject({ message, extensions: { originalError: { message: original } } });
    expect(shown.extensions?.['originalError']).toEqual(error.getResponse());
  });

  it.each([
    new HttpException(`upstream ${CANARY}`, 502),
    new InternalServerErrorException(CANARY),
    new GraphQLError(CANARY),
    new GraphQLError(CANARY, { extensions: { code: 'INTERNAL_SERVER_ERROR' } }),
  ])('hides %s, which says nothing to a client', (error) => {
    const { shown, cause } = maskError(executed(thrower(error)));
    expect(JSON.stringify(shown)).not.toContain(CANARY);
    expect(cause).toBe(error);
  });

  it('hides what a resolver throws and returns it for the log', () => {
    const failure = new Error(`postgres://user:${CANARY}@host refused`);
    const { shown, cause } = maskError(executed(thrower(failure)));
    expect(JSON.stringify(shown)).not.toContain(CANARY);
    expect(shown.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
    expect(cause).toBe(failure);
  });

  it('hides the value of a field that cannot be serialised', () => {
    const { shown } = maskError(executed(() => CANARY));
    expect(JSON.stringify(shown)).not.toContain(CANARY);
    expect(shown.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
  });

  it.each([
    ['an object', { secret: CANARY }],
    ['a list', [CANARY]],
  ])('names the variable and does not repeat %s', (_, value) => {
    const { shown } = maskError(executed(() => 1, 'query ($p: String!) { login(password: $p) }', { p: value }));
    expect(shown).toMatchObject({
      message: 'Variable "$p" has a value of the wrong type.',
      extensions: { code: 'BAD_USER_INPUT', field: 'p' },
    });
  });

  it.each([
    ['a number', '{ login(password: 73001) }', '73001'],
    ['an object', `{ login(password: {a: "${CANARY}"}) }`, CANARY],
    ['a string for an Int', `{ login(password: "x", n: "${CANARY}") }`, CANARY],
  ])('does not repeat %s from the query', (_, query, secret) => {
    const [error] = validate(schema, parse(query));
    const { shown } = maskError(error!);
    expect(JSON.stringify(shown)).not.toContain(secret);
    expect(shown.extensions).toEqual({ code: 'GRAPHQL_VALIDATION_FAILED' });
  });

  it.each([
    ['a string', `{ login(password: "${CANARY}" "x") }`, 'Syntax Error: Expected Name, found String.'],
    ['a string where a name should be', `{ login(password "${CANARY}") }`, 'Syntax Error: Expected ":", found String.'],
    ['a block of text', `{ login(password """${CANARY}""") }`, 'Syntax Error: Expected ":", found BlockString.'],
    ['a number', '{ login(password 73001.5) }', 'Syntax Error: Expected ":", found Float.'],
    ['a password without quotes', '{ login(password: hunter three) }', 'Syntax Error: Expected ":", found ")".'],
    ['a word', '{ login(password: one hunter) hunter2 }', 'Syntax Error: Expected ":", found ")".'],
    ['a word alone', 'hunter2', 'Syntax Error: Unexpected Name.'],
    ['an escape', '{ login(password: "\\hunter") }', 'Syntax Error: Invalid character escape sequence.'],
    ['a code point', '{ login(password: "\\u{hunter2}") }', 'Syntax Error: Invalid Unicode escape sequence.'],
    ['a character', '{ login(password: ?hunter) }', 'Syntax Error: Unexpected character.'],
  ])('does not repeat %s in a syntax error', (_, query, message) => {
    const syntaxError = expectThrow(() => parse(query));
    expect(maskError(syntaxError).shown).toMatchObject({ message, extensions: { code: 'GRAPHQL_PARSE_FAILED' } });
  });

  it('reports an unused variable as an invalid document, and a missing one as invalid input', () => {
    const [unused] = validate(schema, parse('query ($id: Int) { login(password: "x") }'));
    expect(maskError(unused!).shown).toMatchObject({
      message: 'Variable "$id" is never used.',
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    });
    const missing = executed(() => 1, 'query ($p: String!) { login(password: $p) }');
    expect(maskError(missing).shown.extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'p' });
  });

  it('names the non-null argument whose variable is null, also during execution', () => {
    const nulled = executed(() => 1, 'query ($p: String = "x") { login(password: $p) }', { p: null });
    expect(nulled.path).toEqual(['login']);
    expect(maskError(nulled).shown).toMatchObject({
      message: 'Argument "password" of non-null type "String!" must not be null.',
      extensions: { code: 'BAD_USER_INPUT', field: 'password' },
    });
    const thrown = new GraphQLError('Argument "password" of non-null type "String!" must not be null.');
    expect(maskError(executed(thrower(thrown))).shown.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
  });

  it.each([
    ['a list', 'ids', '[1, $v]', 'Int = 1'],
    ['an object', 'in', `{ from: $v, to: 73001 }`, 'Int'],
  ])('names the argument whose %s has a null from a variable, and does not repeat it', (_, name, value, type) => {
    const query = `query ($v: ${type}) { find(${name}: ${value}) }`;
    expect(validate(schema, parse(query))).toEqual([]);
    const nulled = executed(() => 1, query, { v: null });
    expect(nulled.path).toEqual(['find']);
    const { shown, cause } = maskError(nulled);
    expect(shown).toMatchObject({
      message: `Argument "${name}" has an invalid value.`,
      extensions: { code: 'BAD_USER_INPUT', field: name },
    });
    expect(cause).toBeUndefined();
    const thrown = new GraphQLError(`Argument "${name}" has invalid value ${CANARY}.`);
    expect(maskError(executed(thrower(thrown))).cause).toBe(thrown);
  });

  it('keeps a syntax error and its position', () => {
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
