import { validateSync, ValidateBy } from 'class-validator';
import { type CompiledRules, compileRules } from './compiled-rules.js';

/**
 * The result of checking a payload: the value to publish, with the feed's defaults filled in, or the reason for a
 * refusal.
 */
export type PayloadVerdict =
  | { readonly ok: true; readonly value: unknown }
  /** `message` names the field and what it must be; it never repeats the value. */
  | { readonly ok: false; readonly message: string };

const compiled = new Map<new () => object, CompiledRules>();

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
  const { fields, isValid } = rulesOf(type);
  if (!Object.keys(payload).every((field) => fields.has(field)))
    return { ok: false, message: `payload has an unknown field: it may have ${[...fields].join(', ')}.` };
  const value = Object.assign(new type(), defaults, payload);
  if (isValid?.(value)) return { ok: true, value: { ...value } };
  const [fault] = validateSync(value, { stopAtFirstError: true });
  if (!fault) return { ok: true, value: { ...value } };
  const [[name, rule] = ['', `${fault.property} is wrong`]] = Object.entries(fault.constraints ?? {});
  const hint = name === 'isDate' ? ': a payload is JSON, so the feed needs @IsInstant() instead of @IsDate()' : '';
  return { ok: false, message: `payload: ${rule}${hint}.` };
}

/** Read when the first event is checked: decorators may be added to a class until then. */
function rulesOf(type: new () => object): CompiledRules {
  const known = compiled.get(type);
  if (known) return known;
  const rules = compileRules(type);
  compiled.set(type, rules);
  return rules;
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** A class-validator rule: an instant as RFC 3339 text that a `Date` can represent, so without leap seconds. */
export function IsInstant(): PropertyDecorator {
  return ValidateBy({
    name: 'isInstant',
    validator: {
      validate: (value) => typeof value === 'string' && RFC_3339.test(value) && !Number.isNaN(Date.parse(value)),
      defaultMessage: () => '$property must be an instant such as 2026-01-31T12:00:00Z',
    },
  });
}
