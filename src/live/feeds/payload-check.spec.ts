import 'reflect-metadata';
import { Transform, Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Min } from 'class-validator';
import { Validate, ValidateNested, ValidatorConstraint } from 'class-validator';
import { expect, it } from 'vitest';
import { defineFeed } from './feed.js';
import { FeedRegistry } from './feed.registry.js';
import { checkObject, checkRules } from './payload-check.js';

class Size {
  @IsInt()
  width!: number;
}

class Item {
  @IsInt()
  @Min(1)
  quantity!: number;

  @IsOptional()
  @IsString({ each: true })
  tags: string[] = [];

  @IsOptional()
  @ValidateNested()
  @Type(() => Size)
  size?: Size;
}

class Order {
  @IsString()
  id!: string;

  @IsOptional()
  @ValidateNested({ each: true })
  @Type(() => Item)
  items?: Item[];

  @IsOptional()
  @ValidateNested()
  @Type(() => Item)
  gift?: Item;
}

it('checks nested objects and lists of them, and returns plain ones', () => {
  const payload = { id: '1', items: [{ quantity: 2, size: { width: 3 } }], gift: { quantity: 1, tags: ['a'] } };
  const verdict = checkObject(Order, payload) as { readonly ok: true; readonly value: Order };
  expect(verdict).toEqual({
    ok: true,
    value: { ...payload, items: [{ quantity: 2, size: { width: 3 }, tags: [] }] },
  });
  for (const part of [verdict.value, verdict.value.gift, verdict.value.items?.[0], verdict.value.items?.[0]?.size])
    expect(Object.getPrototypeOf(part)).toBe(Object.prototype);
  expect(checkObject(Order, { id: '1' })).toEqual({ ok: true, value: { id: '1' } });
});

it.each<[object, string]>([
  [{ items: [{ quantity: 1 }, { quantity: 0 }] }, 'payload: items[1].quantity must not be less than 1.'],
  [{ items: [{ quantity: 1, size: { width: 'a' } }] }, 'payload: items[0].size.width must be an integer number.'],
  [{ gift: {} }, 'payload: gift.quantity must not be less than 1.'],
  [{ gift: { quantity: 1, tags: [1] } }, 'payload: gift.tags: each value in tags must be a string.'],
  [{ gift: 1 }, 'payload: nested property gift must be either object or array.'],
  [{ items: [1] }, 'payload: items[0]: each value in nested property items must be either object or array.'],
  [{ items: [{ quantity: 1, price: 2 }] }, 'items[0] has an unknown field price: it may have quantity, tags, size.'],
  [{ gift: { quantity: 1, size: { x: 1 } } }, 'gift.size has an unknown field x: it may have width.'],
  [{ 'two\nlines': 1 }, 'payload has an unknown field: it may have id, items, gift.'],
])('names the path in %j', (payload, message) => {
  const verdict = checkObject(Order, { id: '1', ...payload });
  expect(verdict).toEqual({ ok: false, message });
});

class Animal {
  @IsIn(['cat', 'dog'])
  kind!: string;
}

class Cat extends Animal {
  @IsInt()
  lives!: number;
}

class Dog extends Animal {
  @ValidateNested({ each: true })
  @Type(() => Size)
  bones!: Size[];
}

class Shelter {
  @ValidateNested({ each: true })
  @Type(() => Object, {
    keepDiscriminatorProperty: true,
    discriminator: {
      property: 'kind',
      subTypes: [
        { name: 'cat', value: Cat },
        { name: 'dog', value: Dog },
      ],
    },
  })
  animals!: Animal[];
}

it('checks each object by the class that its discriminator names', () => {
  const payload = {
    animals: [
      { kind: 'cat', lives: 9 },
      { kind: 'dog', bones: [{ width: 1 }] },
    ],
  };
  const verdict = checkObject(Shelter, payload) as { readonly ok: true; readonly value: Shelter };
  expect(verdict).toEqual({ ok: true, value: payload });
  for (const animal of verdict.value.animals) expect(Object.getPrototypeOf(animal)).toBe(Object.prototype);
  expect(() => checkRules(Shelter)).not.toThrow();
});

it.each<[object, string]>([
  [{ kind: 'cat' }, 'payload: animals[0].lives must be an integer number.'],
  [{ kind: 'dog', bones: [{ width: 'a' }] }, 'payload: animals[0].bones[0].width must be an integer number.'],
  [{ kind: 'cat', lives: 9, bones: [] }, 'animals[0] has an unknown field bones: it may have lives, kind.'],
  [{ kind: 'cow' }, 'animals[0].kind names no known type.'],
  [{}, 'animals[0].kind names no known type.'],
])('refuses the object of a discriminated field %j', (animal, message) => {
  expect(checkObject(Shelter, { animals: [animal] })).toEqual({ ok: false, message });
});

class Snake extends Animal {
  @ValidateNested({ each: true })
  eggs!: object[];
}

class Terrarium {
  @ValidateNested()
  @Type(() => Object, {
    keepDiscriminatorProperty: true,
    discriminator: { property: 'kind', subTypes: [{ name: 'snake', value: Snake }] },
  })
  animal!: Animal;
}

it('says which class behind a discriminator has a nested field without a class', () => {
  expect(() => checkObject(Terrarium, { animal: { kind: 'snake', eggs: [{}] } })).toThrow(
    'Snake.eggs has @ValidateNested() without a class',
  );
});

@ValidatorConstraint()
class SaysYesLater {
  async validate(): Promise<boolean> {
    throw new Error('no');
  }
}

class Promised {
  @IsInt()
  count!: number;

  @Validate(SaysYesLater)
  article!: string;
}

class PromisedEach {
  @Validate(SaysYesLater, { each: true })
  articles!: string[];
}

class PromisedInside {
  @ValidateNested()
  @Type(() => Promised)
  part!: Promised;
}

it.each<[new () => object, object, string]>([
  [Promised, { count: 1, article: 'a' }, 'Promised.article'],
  [Promised, { count: 'a', article: 'a' }, 'Promised.article'],
  [PromisedEach, { articles: ['a'] }, 'PromisedEach.articles'],
  [PromisedInside, { part: { count: 1, article: 'a' } }, 'Promised.article'],
])('accepts nothing that a rule of %o returns a promise for: %j', (type, payload, field) => {
  expect(() => checkObject(type, payload)).toThrow(`${field} has an asynchronous rule`);
});

class Bare {
  width!: number;
}

class BoxOfNothing {
  @ValidateNested({ each: true })
  parts!: Size[];
}

class BoxOfBare {
  @ValidateNested()
  part!: Bare;
}

class BoxOfTransformed {
  @Transform(({ value }) => (value as Size[]).map((size) => size))
  @ValidateNested({ each: true })
  @Type(() => Size)
  parts!: Size[];
}

@ValidatorConstraint({ async: true })
class IsInStock {
  async validate(): Promise<boolean> {
    return false;
  }
}

class BoxOfStock {
  @Validate(IsInStock)
  article!: string;
}

it.each([
  [BoxOfStock, 'BoxOfStock.article has an asynchronous rule, but payloads are checked synchronously'],
  [BoxOfNothing, 'BoxOfNothing.parts has @ValidateNested() without a class: add @Type('],
  [BoxOfTransformed, 'BoxOfTransformed.parts has a @Transform() that failed'],
  [Bare, 'Bare has no rules, so every payload would be refused: add a decorator of class-validator'],
  [BoxOfBare, 'Bare has no rules'],
])('adds no feed of %o, whose rules cannot be applied', (type, message) => {
  const feed = defineFeed<object>({
    name: 'box',
    field: 'box',
    type,
    history: { events: 1, seconds: 60 },
    onSubscribe: 'nothing',
    slowReader: 'close',
  });
  expect(() => new FeedRegistry().register(feed)).toThrow(message);
});
