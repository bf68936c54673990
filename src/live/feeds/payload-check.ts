import { ValidateBy, validateSync, type ValidationError } from 'class-validator';
import { isInstant } from '../instant.js';
import { asynchronousRule, type ObjectClass, rulesOf } from './compiled-rules.js';

/**
 * The result of checking a payload: the value to publish, with the feed's defaults filled in, or the reason for a
 * refusal.
 */
export type PayloadVerdict =
  | { readonly ok: true; readonly value: unknown }
  /** `message` names the field and what it must be; it never repeats the value. */
  | { readonly ok: false; readonly message: string };

type Fields = Record<string, unknown>;

/** A field's name that a message may repeat: neither a long text nor another line of a log. */
const NAME = /^\w{1,64}$/;

/**
 * Checks a JSON value from outside against a class with class-validator's decorators: for a feed whose payload is an
 * object. Fields without a decorator, or not in the class, count as unknown.
 *
 * @param defaults values of fields that may be left out
 */
export function checkObject<T extends object>(
  type: new () => T,
  payload: unknown,
  defaults: Partial<T> = {},
): PayloadVerdict {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload))
    return { ok: false, message: 'payload must be a JSON object.' };
  const unknown = unknownField(type, payload, 'payload');
  if (unknown !== null) return { ok: false, message: unknown };
  const value = instanceOf(type, payload, defaults);
  if (rulesOf(type).isValid(value)) return { ok: true, value: plainOf(value) };
  const [fault] = validateSync(value, { stopAtFirstError: true });
  return { ok: false, message: fault ? `payload: ${ruleOf(fault)}.` : 'payload breaks a rule.' };
}

/**
 * Checks that the class has rules, none of them asynchronous, and that the class of every nested object is known and has
 * such rules too.
 *
 * @throws Error that names the class or the field
 */
export function checkRules(type: ObjectClass, seen: ReadonlySet<ObjectClass> = new Set()): void {
  if (seen.has(type)) return;
  const { fields, nested: nestedFields, asynchronous } = rulesOf(type);
  if (fields.size === 0)
    throw new Error(
      `${type.name} has no rules, so every payload would be refused: add a decorator of class-validator to each field.`,
    );
  if (asynchronous !== null) throw asynchronousRule(type, asynchronous);
  for (const [field, { base, discriminator }] of nestedFields) {
    // Its subtypes are not known before there is an object.
    if (discriminator !== null) continue;
    if (!base) throw withoutClass(type, field);
    checkRules(base, new Set([...seen, type]));
  }
}

function withoutClass(type: ObjectClass, field: string): Error {
  return new Error(
    `${type.name}.${field} has @ValidateNested() without a class: add @Type(() => TheClass) of class-transformer.`,
  );
}

/**
 * The message about the first field that the class does not have, also in nested objects; null without one.
 *
 * @throws Error for a class behind a discriminator that {@link checkRules} would have refused
 */
function unknownField(type: ObjectClass, payload: object, path: string): string | null {
  const { fields, nested } = rulesOf(type);
  const unknownName = Object.keys(payload).find((field) => !fields.has(field));
  if (unknownName !== undefined) {
    const named = NAME.test(unknownName) ? ` ${unknownName}` : '';
    return `${path} has an unknown field${named}: it may have ${[...fields].join(', ')}.`;
  }
  for (const [field, objects] of nested)
    for (const [where, part] of objectsIn(
      (payload as Fields)[field],
      path === 'payload' ? field : `${path}.${field}`,
    )) {
      const of = objects.classOf(part);
      if (!of && objects.discriminator === null) throw withoutClass(type, field);
      if (!of) return `${where}.${objects.discriminator} names no known type.`;
      const unknown = unknownField(of, part, where);
      if (unknown !== null) return unknown;
    }
  return null;
}

/** The objects of a nested field, each with its path: the value itself, or those of a list. */
function objectsIn(value: unknown, path: string): readonly (readonly [path: string, object: object])[] {
  if (Array.isArray(value)) return value.flatMap((part, index) => objectsIn(part, `${path}[${index}]`));
  return typeof value === 'object' && value !== null ? [[path, value]] : [];
}

/** class-validator finds the rules of an object by its class. */
function instanceOf(type: ObjectClass, payload: object, defaults: object = {}): object {
  const value = Object.assign(new type(), defaults, payload);
  for (const [field, { classOf }] of rulesOf(type).nested)
    if (field in value) replaceObjects(value, field, (part) => instanceOf(classOf(part) ?? Object, part));
  return value;
}

/** Without classes, so that every store delivers the same. */
function plainOf(value: object): object {
  const plain = { ...value };
  for (const field of rulesOf(value.constructor as ObjectClass).nested.keys())
    if (field in plain) replaceObjects(plain, field, plainOf);
  return plain;
}

function replaceObjects(value: object, field: string, replace: (object: object) => object): void {
  const replaced = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(replaced);
    return typeof part === 'object' && part !== null ? replace(part) : part;
  };
  (value as Fields)[field] = replaced((value as Fields)[field]);
}

/** The rule that is broken, with the field's path, such as `items[2].quantity`. */
function ruleOf({ property, constraints = {}, children = [] }: ValidationError, parent = ''): string {
  const path = pathOf(property, parent);
  const [broken] = Object.entries(constraints);
  if (!broken) {
    const [child] = children;
    return child && child.constraints?.['unknownValue'] === undefined ? ruleOf(child, path) : `${path} is wrong`;
  }
  const [name, rule] = broken;
  const hint = name === 'isDate' ? ': a payload is JSON, so the feed needs @IsInstant() instead of @IsDate()' : '';
  if (parent === '') return rule + hint;
  return (rule.startsWith(`${property} `) ? path + rule.slice(property.length) : `${path}: ${rule}`) + hint;
}

function pathOf(property: string, parent: string): string {
  if (parent === '') return property;
  return /^\d+$/.test(property) ? `${parent}[${property}]` : `${parent}.${property}`;
}

/**
 * A class-validator rule: an instant as RFC 3339 text that a `Date` can represent, so without leap seconds, and with a
 * year from 0000 to 9999 in UTC.
 */
export function IsInstant(): PropertyDecorator {
  return ValidateBy({
    name: 'isInstant',
    validator: {
      validate: (value) => typeof value === 'string' && isInstant(value),
      defaultMessage: () => '$property must be an instant such as 2026-01-31T12:00:00Z',
    },
  });
}
