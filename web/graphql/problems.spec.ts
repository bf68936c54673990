import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors';
import { describe, expect, it } from 'vitest';
import { problemsOf } from './problems.js';

const graphqlError = (message: string, extensions: Record<string, unknown>): CombinedGraphQLErrors =>
  new CombinedGraphQLErrors({ data: null, errors: [{ message, extensions }] });

describe('the problems of a form', () => {
  it('are shown at the field that the server names', () => {
    expect(problemsOf(graphqlError('Taken', { code: 'EMAIL_TAKEN', field: 'email' }), 'password')).toEqual({
      fields: { email: 'Taken' },
      form: null,
    });
  });

  it('are shown at the password when credentials are wrong', () => {
    expect(problemsOf(graphqlError('Wrong', { code: 'INVALID_CREDENTIALS' }), 'current').fields).toEqual({
      current: 'Wrong',
    });
  });

  it.each([
    [1, 'Too many attempts. Try again in 1 second.'],
    [20, 'Too many attempts. Try again in 20 seconds.'],
    [600, 'Too many attempts. Try again in 10 minutes.'],
  ])('say when to retry after %i s', (retryAfterSeconds, form) => {
    expect(problemsOf(graphqlError('Wait', { code: 'TOO_MANY_REQUESTS', retryAfterSeconds }), 'password').form).toBe(
      form,
    );
  });

  it('are also read from a response with an error status', () => {
    const bodyText = JSON.stringify({
      errors: [{ message: 'Away', extensions: { code: 'UNAVAILABLE', retryAfterSeconds: 1 } }],
    });
    const error = new ServerError('503', { response: new Response(bodyText, { status: 503 }), bodyText });
    expect(problemsOf(error, 'password').form).toBe('Away');
  });

  it.each([new TypeError('Failed to fetch'), undefined, 'text'])('are about the connection for %s', (error) => {
    expect(problemsOf(error, 'password').form).toContain('does not answer');
  });
});
