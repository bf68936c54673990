import {
  getNamedType,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isUnionType,
  doTypesOverlap,
} from 'graphql';
import type { Random } from '../kit/random.js';

/** A subscription document with its variables. */
export interface RandomDocument {
  readonly query: string;
  readonly variables: Record<string, unknown> | undefined;
  /** The name of the subscription field, not its alias. */
  readonly field: string;
}

/** Response names with a special meaning in JavaScript. */
const ODD_NAMES = ['then', 'toJSON', '__proto__', 'constructor', 'length', 'toString'];
const MAX_FRAGMENTS = 5;

interface Fragment {
  readonly name: string;
  readonly type: GraphQLCompositeType;
  text: string | null;
}

/** Generates a random document for a schema. Nearly all are valid and vary everything that affects the fields of a result and their order. */
export function randomDocument(schema: GraphQLSchema, random: Random): RandomDocument {
  return new DocumentMaker(schema, random).make();
}

class DocumentMaker {
  readonly #fragments: Fragment[] = [];
  readonly #variables = new Map<string, string>();
  readonly #values: Record<string, unknown> = {};
  /** A response name must have the same field and arguments everywhere, or the document is invalid. */
  readonly #arguments = new Map<string, string>();
  #aliases = 0;

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly random: Random,
  ) {}

  make(): RandomDocument {
    const root = this.schema.getSubscriptionType()!;
    const field = this.random.pick(Object.values(root.getFields()));
    const spread = this.random.chance(0.2);
    const selection = Array.from({ length: this.random.chance(0.15) ? 2 : 1 }, () => this.#field(root, field, 1));
    const inner = `{ ${selection.join(' ')} }`;
    const body = spread ? `{ ... on ${root.name} ${this.#condition()}${inner} }` : inner;
    const declared = [...this.#variables].map(([name, type]) => `$${name}: ${type}`).join(', ');
    const head = declared ? `subscription S(${declared})` : this.random.pick(['subscription', 'subscription S']);
    const fragments = this.#fragments.map(({ name, type, text }) => `fragment ${name} on ${type.name} ${text}`);
    return {
      query: [`${head} ${body}`, ...fragments].join('\n'),
      variables: this.#variables.size > 0 ? this.#values : undefined,
      field: field.name,
    };
  }

  #selections(type: GraphQLCompositeType, level: number): string {
    const count = 1 + this.random.below(level > 4 ? 2 : 4);
    const selections = Array.from({ length: count }, () => this.#selection(type, level));
    return `{ ${selections.join(' ')} }`;
  }

  #selection(type: GraphQLCompositeType, level: number): string {
    const roll = this.random.next();
    if (roll < 0.15) return this.#inlineFragment(type, level);
    if (roll < 0.33) return this.#spread(type, level) ?? '__typename';
    const fields = isUnionType(type) ? [] : Object.values(type.getFields());
    const usable = level >= 6 ? fields.filter((one) => !isCompositeType(getNamedType(one.type))) : fields;
    if (usable.length === 0 || roll > 0.95) return `__typename ${this.#condition()}`;
    return this.#field(type as GraphQLObjectType, this.random.pick(usable), level);
  }

  #field(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>, level: number): string {
    const named = getNamedType(field.type);
    const inner = isCompositeType(named) ? ` ${this.#selections(named, level + 1)}` : '';
    const condition = level > 1 || this.random.chance(0.08) ? this.#condition() : '';
    const alias = level > 1 || this.random.chance(0.3) ? this.#alias(type, field) : '';
    return `${alias}${field.name}${this.#argumentsOf(field, alias)} ${condition}${inner}`;
  }

  #alias(type: GraphQLNamedType, { name }: GraphQLField<unknown, unknown>): string {
    if (this.#aliases >= 10 || !this.random.chance(0.2)) return '';
    this.#aliases++;
    // Only for this field: one response name for two fields is invalid.
    const odd = this.random.pick(ODD_NAMES);
    return this.#fieldOf(odd, `${type.name}.${name}`) && this.random.chance(0.3)
      ? `${odd}: `
      : `${name}${this.random.pick(['A', 'B'])}: `;
  }

  /** Reserves a response name for one field in the whole document. */
  #fieldOf(response: string, field: string): boolean {
    const claimed = this.#arguments.get(`=${response}`) ?? field;
    this.#arguments.set(`=${response}`, claimed);
    return claimed === field;
  }

  #argumentsOf({ name, args }: GraphQLField<unknown, unknown>, alias: string): string {
    if (args.length === 0) return '';
    const key = `${alias}${name}`;
    const known = this.#arguments.get(key);
    if (known !== undefined) return known;
    const given = args.filter((one) => isRequired(one) || this.random.chance(0.6));
    const text = given.length === 0 ? '' : `(${given.map((one) => `${one.name}: ${this.#argument(one)}`).join(', ')})`;
    this.#arguments.set(key, text);
    return text;
  }

  #argument(argument: GraphQLArgument): string {
    if (this.random.chance(0.5)) return this.#literal(argument.type, 0);
    const nullable = isNonNullType(argument.type) ? argument.type.ofType : argument.type;
    // A nullable variable is allowed in a non-null position that has a default; an explicit null then fails only at execution.
    const withDefault = this.random.chance(0.3);
    const type = withDefault ? `${String(nullable)} = ${this.#literal(nullable, 1, false)}` : String(argument.type);
    return `$${this.#variable(type, () => this.#value(nullable, 0), withDefault || nullable === argument.type)}`;
  }

  #variable(type: string, value: () => unknown, optional: boolean): string {
    const name = this.random.chance(0.05) ? '__proto__' : `v${this.#variables.size}`;
    if (this.#variables.has(name)) return name === '__proto__' ? this.#variable(type, value, optional) : name;
    this.#variables.set(name, type);
    const roll = this.random.next();
    const given = roll < 0.04 ? null : roll < 0.05 ? { wrong: true } : value();
    if (!(optional && roll > 0.8)) {
      Object.defineProperty(this.#values, name, { value: given, enumerable: true, writable: true, configurable: true });
    }
    return name;
  }

  #condition(): string {
    if (!this.random.chance(0.3)) return '';
    const one = this.random.pick(['@include', '@skip']);
    const condition = `${one}(if: ${this.#boolean()}) `;
    return this.random.chance(0.1)
      ? `${condition}${one === '@skip' ? '@include' : '@skip'}(if: ${this.#boolean()}) `
      : condition;
  }

  #boolean(): string {
    if (this.random.chance(0.4)) return this.random.pick(['true', 'false']);
    const known = [...this.#variables].filter(([, type]) => type.startsWith('Boolean')).map(([name]) => name);
    if (known.length > 1 || (known.length > 0 && this.random.chance(0.5))) return `$${this.random.pick(known)}`;
    const type = this.random.pick(['Boolean!', 'Boolean!', 'Boolean! = true', 'Boolean = false', 'Boolean = true']);
    return `$${this.#variable(type, () => this.random.chance(0.5), type.includes('='))}`;
  }

  #inlineFragment(type: GraphQLCompositeType, level: number): string {
    const on = this.random.chance(0.25) ? type : this.#overlapping(type);
    const condition = on === type && this.random.chance(0.5) ? '' : `on ${on.name} `;
    return `... ${condition}${this.#condition()}${this.#selections(on, level)}`;
  }

  #spread(type: GraphQLCompositeType, level: number): string | null {
    const fitting = this.#fragments.filter((one) => one.text !== null && doTypesOverlap(this.schema, one.type, type));
    if (fitting.length > 0 && this.random.chance(0.7)) {
      return `...${this.random.pick(fitting).name} ${this.#condition()}`;
    }
    if (this.#fragments.length >= MAX_FRAGMENTS) return null;
    const on = this.#overlapping(type);
    const fragment: Fragment = { name: `F${this.#fragments.length}`, type: on, text: null };
    this.#fragments.push(fragment);
    // The fragment has no text yet, so its own selections cannot spread it.
    fragment.text = this.#selections(on, Math.max(level, 4));
    return `...${fragment.name} ${this.#condition()}`;
  }

  #overlapping(type: GraphQLCompositeType): GraphQLCompositeType {
    const types = Object.values(this.schema.getTypeMap()).filter(isCompositeType);
    return this.random.pick(
      types.filter((one) => !one.name.startsWith('__') && doTypesOverlap(this.schema, one, type)),
    );
  }

  #literal(type: GraphQLInputType, depth: number, nulls = true): string {
    if (isNonNullType(type)) return this.#literal(type.ofType, depth, false);
    if (nulls && this.random.chance(0.1)) return 'null';
    if (isListType(type)) return `[${this.#several(() => this.#literal(type.ofType, depth + 1)).join(', ')}]`;
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields()).filter(() => depth < 3 && this.random.chance(0.5));
      return `{ ${fields.map((one) => `${one.name}: ${this.#literal(one.type, depth + 1)}`).join(', ')} }`;
    }
    if (isEnumType(type)) return this.random.pick(type.getValues()).name;
    return JSON.stringify(this.#scalar(type.name));
  }

  #value(type: GraphQLInputType, depth: number): unknown {
    if (isNonNullType(type)) return this.#value(type.ofType, depth);
    if (isListType(type)) return this.#several(() => this.#value(type.ofType, depth + 1));
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields()).filter(() => depth < 3 && this.random.chance(0.5));
      return Object.fromEntries(fields.map((one) => [one.name, this.#value(one.type, depth + 1)]));
    }
    return isEnumType(type) ? this.random.pick(type.getValues()).name : this.#scalar(type.name);
  }

  #several<T>(make: () => T): T[] {
    return Array.from({ length: this.random.below(3) }, make);
  }

  #scalar(name: string): unknown {
    switch (name) {
      case 'Int':
        return this.random.below(10) - 3;
      case 'Float':
        return this.random.pick([0.5, -2, 1e21]);
      case 'Boolean':
        return this.random.chance(0.5);
      default:
        return this.random.pick(['', 'text', 'Grüße "日本"']);
    }
  }
}

function isRequired({ type, defaultValue }: GraphQLArgument): boolean {
  return isNonNullType(type) && defaultValue === undefined;
}
