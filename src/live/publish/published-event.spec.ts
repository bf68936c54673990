import { Field, Float, ObjectType } from '@nestjs/graphql';
import { Allow, IsDate, IsOptional } from 'class-validator';
import { GraphQLScalarType } from 'graphql';
import { expect, it } from 'vitest';
import { defineFeed, type FeedOptions } from '../feeds/feed.js';
import { FeedRegistry } from '../feeds/feed.registry.js';
import { IsInstant } from '../feeds/payload-check.js';
import { checkEvent } from './published-event.js';

@ObjectType()
class Parcel {
  @Field()
  @IsOptional()
  @IsInstant()
  at?: string;

  @Field(() => Date)
  @IsOptional()
  @IsDate()
  date?: Date;

  @Field(() => Float)
  @Allow()
  weight?: unknown;
}

const options = {
  history: { events: 1, seconds: 60 },
  onSubscribe: 'nothing',
  slowReader: 'close',
} satisfies Partial<FeedOptions<unknown>>;
const feeds = new FeedRegistry();
feeds.register(defineFeed<Parcel>({ ...options, name: 'parcel', field: 'parcel', type: Parcel }));
feeds.register(
  defineFeed<unknown>({ ...options, name: 'any', field: 'any', type: new GraphQLScalarType({ name: 'Any' }) }),
);

function check(topic: string, payload: unknown, key = 'a') {
  return checkEvent({ topic, viewer: 'external:app:ada', payload, key }, { id: 'app' }, feeds, () => null);
}

const cycle: { self?: unknown } = {};
cycle.self = cycle;

it.each<[string, unknown, string]>([
  ['a BigInt', { weight: 1n }, 'payload has a bigint, which is not JSON.'],
  ['a function', { weight: () => 1 }, 'payload has a function, which is not JSON.'],
  ['a Map', { weight: new Map([['grams', 1]]) }, 'payload has an object of type Map, which is not JSON.'],
  ['a Promise', { weight: Promise.resolve(1) }, 'payload has an object of type Promise, which is not JSON.'],
  ['an Error', { weight: new Error('1 g') }, 'payload has an object of type Error, which is not JSON.'],
  ['a symbol', { weight: Symbol('a') }, 'payload has a symbol, which is not JSON.'],
  ['NaN', { weight: Number.NaN }, 'payload has a number that is not finite.'],
  ['Infinity in a list', { weight: [1, Infinity] }, 'payload has a number that is not finite.'],
  ['a cycle', { weight: cycle }, 'payload is nested deeper than 64 levels'],
  ['a toJSON that throws', { weight: { toJSON: () => JSON.parse('') as unknown } }, 'toJSON that returns no JSON.'],
  ['a Date and NaN', { at: new Date(), weight: Number.NaN }, 'payload has a number that is not finite.'],
  ['a toJSON that returns a BigInt', { weight: { toJSON: () => 1n } }, 'toJSON that returns no JSON.'],
  ['a Date that the feed wants as such', { date: new Date() }, 'date must be a Date instance: a payload is JSON'],
])('refuses %s', (_, payload, message) => {
  const refusal = {
    ok: false,
    error: { code: 'BAD_USER_INPUT', message: expect.stringContaining(message) as unknown },
  };
  expect(check('parcel', payload)).toEqual(refusal);
});

it('publishes the JSON of a Date, and compares keys with it', () => {
  const json = { at: '2026-01-31T12:00:00.000Z', weight: { grams: 1 } };
  const payload = { at: new Date(json.at), weight: { toJSON: () => json.weight } };
  expect(check('parcel', payload)).toMatchObject({ ok: true, publication: { payload: json, submitted: json } });
  expect(check('any', new Date(json.at))).toMatchObject({ ok: true, publication: { payload: json.at } });
});

it.each(['2026-02-30T12:00:00Z', '2025-02-29T12:00:00Z', '2026-04-31T12:00:00.5+02:00', '2026-01-31T24:00:00Z'])(
  'refuses %s, which a Date would take for another day',
  (at) => {
    expect(Date.parse(at)).not.toBeNaN();
    expect(check('parcel', { at })).toMatchObject({ ok: false });
  },
);

it.each(['2024-02-29T23:59:59.123456789-11:30', '2026-12-31T00:00:00+14:00', '0001-01-01T00:00:00Z'])(
  'takes %s',
  (at) => {
    expect(check('parcel', { at })).toMatchObject({ ok: true });
  },
);

it('takes a field that is undefined as left out', () => {
  expect(check('parcel', { at: undefined, weight: 1 })).toMatchObject({ ok: true });
});

it.each(['k', 'é', '\u{1f4e6}'])('takes a key of 200 characters such as %s, and no more', (character) => {
  expect(check('any', 1, character.repeat(200))).toMatchObject({ ok: true });
  expect(check('any', 1, character.repeat(201))).toMatchObject({ ok: false });
});
