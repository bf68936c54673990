import 'reflect-metadata';
import { plainToInstance, Type } from 'class-transformer';
import {
  Allow,
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsDefined,
  IsEmail,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateIf,
  ValidateNested,
  validateSync,
} from 'class-validator';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkObject, IsInstant } from './payload-check.js';
import { rulesOf } from './compiled-rules.js';

class Everything {
  @IsString()
  @Length(1, 3)
  text!: string;

  @IsOptional()
  @IsInt()
  @Min(-1)
  @Max(1)
  count?: number | null;

  @ValidateIf((object: Everything) => object.count === 1)
  @IsBoolean()
  flag?: boolean;

  @IsIn(['a', 'b', null])
  choice!: string | null;

  @IsArray()
  @ArrayMaxSize(2)
  list!: unknown[];

  @Matches(/^x/)
  @IsString()
  pattern!: string;

  @IsInstant()
  at!: string;

  @Allow()
  data?: unknown;
}

class Base {
  @IsEmail()
  mail!: string;
}

class Derived extends Base {
  @IsNumber()
  size!: number;
}

class Each {
  @IsString({ each: true })
  names!: string[];

  @IsOptional()
  @IsInt({ each: true, validateIf: (_, value) => value !== 'x' })
  @Min(0, { each: true })
  counts?: number[];
}

class Part {
  @IsOptional()
  @IsInt()
  value?: number;
}

class Parent {
  @ValidateNested()
  @Type(() => Part)
  child!: Part;

  @IsOptional()
  @ArrayMaxSize(2)
  @ValidateNested({ each: true })
  @Type(() => Part)
  parts?: Part[];
}

class Defined {
  @IsDefined()
  value!: unknown;
}

const value = fc.oneof(
  fc.constantFrom<unknown>(
    '',
    'x',
    'abc',
    'xyzzy',
    'a',
    'b',
    'a@b.de',
    '2026-01-01T00:00:00Z',
    0,
    1,
    -1,
    2,
    0.5,
    Number.NaN,
  ),
  fc.constantFrom<unknown>(null, undefined, true, false, [], [1], [1, 2, 3], ['x'], {}, { value: 1 }, { value: 'x' }, [
    {},
    { value: 0.5 },
  ]),
);
const objectOf = (names: string[]): fc.Arbitrary<object> =>
  fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });

describe('the compiled rules of a class', () => {
  it.each([
    ['of every kind', Everything],
    ['with inherited fields', Derived],
    ['with a defined field', Defined],
    ['with lists', Each],
    ['with nested objects', Parent],
  ])('compiled rules agree with validateSync about objects %s', (_, type: new () => object) => {
    const { fields } = rulesOf(type);
    fc.assert(
      fc.property(objectOf([...fields]), (payload) => {
        const faults = validateSync(plainToInstance(type, payload), { stopAtFirstError: true });
        const verdict = checkObject(type, payload);
        expect(verdict.ok).toBe(faults.length === 0);
        const [rule] = Object.values(faults[0]?.constraints ?? {});
        if (!verdict.ok) expect(verdict.message).toContain(`payload: ${rule ?? faults[0]?.property}`);
      }),
      { numRuns: 2_000 },
    );
  });
});
