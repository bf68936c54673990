import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors';
import { tooManyText } from '../app/too-many-text.js';

/** The errors of a form: per field, and for the whole form. */
export interface Problems {
  readonly fields: Readonly<Record<string, string>>;
  readonly form: string | null;
}

interface WireError {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

export const NO_PROBLEMS: Problems = { fields: {}, form: null };

/**
 * Assigns the errors of an operation to the form's fields.
 *
 * @param credentialField the field where wrong credentials are shown, since the server does not say which one is wrong
 */
export function problemsOf(error: unknown, credentialField: string): Problems {
  const errors = wireErrors(error);
  if (!errors) return { fields: {}, form: 'The server does not answer. Check the connection and try again.' };
  const fields: Record<string, string> = {};
  let form: string | null = null;
  for (const { message, extensions = {} } of errors) {
    const field = fieldOf(extensions, credentialField);
    if (field === null) form = isTooMany(extensions) ? tooManyText(extensions['retryAfterSeconds']) : message;
    else fields[field] = message;
  }
  return { fields, form };
}

function fieldOf(extensions: Readonly<Record<string, unknown>>, credentialField: string): string | null {
  if (typeof extensions['field'] === 'string') return extensions['field'];
  return extensions['code'] === 'INVALID_CREDENTIALS' ? credentialField : null;
}

function isTooMany({ code }: Readonly<Record<string, unknown>>): boolean {
  return code === 'TOO_MANY_REQUESTS';
}

function wireErrors(error: unknown): readonly WireError[] | null {
  if (CombinedGraphQLErrors.is(error)) return error.errors;
  if (!ServerError.is(error)) return null;
  try {
    const body = JSON.parse(error.bodyText) as { errors?: WireError[] };
    return body.errors?.length ? body.errors : null;
  } catch {
    return null;
  }
}
