/** A value that the server asks for; see its FeedForms. */
export type ValueShape = { readonly required: boolean } & (
  | { readonly kind: 'scalar'; readonly name: string }
  | { readonly kind: 'enum'; readonly values: readonly { readonly name: string; readonly value: unknown }[] }
  | { readonly kind: 'list'; readonly of: ValueShape }
  | { readonly kind: 'object'; readonly type: string }
);

/** A field of an object. */
export interface FieldShape {
  readonly name: string;
  readonly description: string | null;
  readonly shape: ValueShape;
}

/** What a form for one feed asks for. */
export interface FeedForm {
  readonly topic: string;
  readonly description: string | null;
  readonly payload: ValueShape;
  /** Fields of the payload that have a default. */
  readonly defaulted: readonly string[];
}

/** The fields of object types, by name. */
export type ObjectTypes = Readonly<Record<string, readonly FieldShape[]>>;

/** What was entered: text for a scalar or an enum, or parts. Undefined: nothing yet. */
export type Draft = string | readonly Draft[] | { readonly [field: string]: Draft } | undefined;

/** A part of a {@link Draft} by name. */
export function partOf(draft: Draft, name: string): Draft {
  if (typeof draft !== 'object' || Array.isArray(draft)) return undefined;
  return Object.hasOwn(draft, name) ? (draft as Readonly<Record<string, Draft>>)[name] : undefined;
}

/** What was entered, as it is published, and what is wrong with it by path. */
export interface ReadDraft {
  /** Undefined if it is left out. */
  readonly value: unknown;
  readonly faults: Readonly<Record<string, string>>;
}

const TEXTS = new Set(['String', 'ID', 'DateTime']);

/**
 * Turns what was entered into JSON. Empty text leaves a field out, unless its type requires a value and it has no
 * default. The server checks the rest.
 *
 * @param defaulted fields of the whole value that have a default
 */
export function readDraft(
  draft: Draft,
  shape: ValueShape,
  types: ObjectTypes,
  defaulted: readonly string[] = [],
): ReadDraft {
  const reader = new DraftReader(types);
  return { value: reader.read(draft, shape, 'payload', defaulted), faults: reader.faults };
}

class DraftReader {
  readonly faults: Record<string, string> = {};

  constructor(private readonly types: ObjectTypes) {}

  read(draft: Draft, shape: ValueShape, path: string, defaulted: readonly string[] = []): unknown {
    const text = typeof draft === 'string' ? draft : '';
    if (shape.kind === 'scalar') return this.#scalar(text, shape, path);
    if (shape.kind === 'list') return this.#list(draft, shape, path);
    if (shape.kind === 'object')
      return draft === undefined && !shape.required ? undefined : this.#object(draft, shape.type, path, defaulted);
    if (text === '' && shape.required) return this.#fault(path, 'Choose one.');
    return shape.values.find(({ name }) => name === text)?.value;
  }

  #object(draft: Draft, type: string, path: string, defaulted: readonly string[]): unknown {
    const entries = (this.types[type] ?? []).flatMap((field): [string, unknown][] => {
      const entered = partOf(draft, field.name);
      if (defaulted.includes(field.name) && (entered === undefined || entered === '')) return [];
      const value = this.read(entered, field.shape, `${path}.${field.name}`);
      return value === undefined ? [] : [[field.name, value]];
    });
    return Object.fromEntries(entries);
  }

  #list(draft: Draft, shape: ValueShape & { readonly kind: 'list' }, path: string): unknown {
    if (!Array.isArray(draft)) return shape.required ? [] : undefined;
    return (draft as readonly Draft[]).map((item, index) => this.read(item, shape.of, `${path}.${index}`) ?? null);
  }

  #scalar(
    text: string,
    { name, required }: { readonly name: string; readonly required: boolean },
    path: string,
  ): unknown {
    if (TEXTS.has(name)) return text === '' && !required ? undefined : text;
    if (text.trim() === '') return required ? this.#fault(path, 'A value is required.') : undefined;
    if (name === 'Boolean') return text === 'true';
    if (name === 'Int' || name === 'Float') {
      const number = Number(text);
      if (Number.isFinite(number) && (name === 'Float' || Number.isInteger(number))) return number;
      return this.#fault(path, name === 'Int' ? 'This must be a whole number.' : 'This must be a number.');
    }
    try {
      return JSON.parse(text);
    } catch {
      return this.#fault(path, 'This is not JSON. Text needs quotes: "text".');
    }
  }

  #fault(path: string, message: string): undefined {
    this.faults[path] = message;
  }
}
