import { ValidateBy } from 'class-validator';

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** A class-validator rule: an instant as RFC 3339 text that a `Date` can hold, so no leap second and no hour 25. */
export function IsInstant(): PropertyDecorator {
  return ValidateBy({
    name: 'isInstant',
    validator: {
      validate: (value) => typeof value === 'string' && RFC_3339.test(value) && !Number.isNaN(Date.parse(value)),
      defaultMessage: () => '$property must be an instant such as 2026-01-31T12:00:00Z',
    },
  });
}
