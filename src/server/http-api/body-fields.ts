import { BadUserInputError } from '../../live/errors/sallyport.errors.js';

/**
 * The fields of a JSON body, not yet checked.
 *
 * @param known the names that may occur
 * @throws BadUserInputError when the body is not an object, or has another field
 */
export function fieldsOf(body: unknown, known: readonly string[]): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new BadUserInputError('body', 'The body must be a JSON object: see PROTOCOL.md.');
  const unknown = Object.keys(body).some((name) => !known.includes(name));
  if (unknown) throw new BadUserInputError('body', `The body may have only these fields: ${known.join(', ')}.`);
  return body as Record<string, unknown>;
}
