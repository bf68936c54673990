import { BadUserInputError } from '../../live/errors/sallyport.errors.js';
import { parseViewerId, VIEWER_ID_FORMS, type ViewerId } from '../../live/viewer/viewer.js';

/** The parameters of a query string, each checked by name. */
export class QueryParameters {
  readonly #values: Readonly<Record<string, unknown>>;

  /**
   * @param query as Fastify has parsed it: text, or a list for a parameter that is repeated
   * @param known the names that may occur
   * @throws BadUserInputError for another name
   */
  constructor(query: unknown, known: readonly string[]) {
    this.#values = query as Record<string, unknown>;
    if (!Object.keys(this.#values).every((name) => known.includes(name)))
      throw new BadUserInputError('query', `The query may have only these parameters: ${known.join(', ')}.`);
  }

  /** Every value of a parameter that may be repeated, in order. */
  all(name: string): readonly string[] {
    const value = this.#values[name];
    if (value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map(String);
  }

  /**
   * The value of a parameter that occurs at most once; undefined if it is absent or empty.
   *
   * @throws BadUserInputError when it is repeated, or has a NUL, which no database can look for
   */
  optional(name: string): string | undefined {
    const values = this.all(name);
    if (values.length > 1) throw new BadUserInputError(name, `Send ${name} once.`);
    if (values[0]?.includes('\0')) throw new BadUserInputError(name, `${name} must not have a NUL.`);
    return values[0] || undefined;
  }

  /** The value of a parameter that occurs once. @throws BadUserInputError when it is absent, empty or repeated */
  one(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw new BadUserInputError(name, `${name} is missing.`);
    return value;
  }
}

/** A viewer id in a query. @throws BadUserInputError when it is none */
export function viewerIn(text: string): ViewerId {
  const viewer = parseViewerId(text);
  if (viewer) return viewer;
  const hint = 'percent-encode it for the URL, also its own % as %25';
  throw new BadUserInputError('viewer', `viewer must be a viewer id: ${VIEWER_ID_FORMS}; ${hint}.`);
}
