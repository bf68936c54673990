import { GraphQLISODateTime, GraphQLTimestamp, Int } from '@nestjs/graphql';
import { IsString } from 'class-validator';
import { GraphQLScalarType } from 'graphql';
import { expect, it, vi } from 'vitest';
import { defineFeed, type Feed, type FeedOptions } from './feed.js';
import { FeedRegistry } from './feed.registry.js';

const options: FeedOptions<number> = {
  name: 'temperature',
  field: 'temperature',
  type: Int,
  history: { events: 1, seconds: 60 },
  onSubscribe: 'last-event',
  slowReader: 'keep-latest',
};

it.each<[Partial<FeedOptions<number>>, string]>([
  [{ name: 'Temperature' }, 'Feed "Temperature": name must be'],
  [{ field: 'a-b' }, 'Feed "temperature": field must be a GraphQL name'],
  [{ history: { events: 0, seconds: 60 } }, 'history.events must be a whole number'],
  [{ history: { events: 1, seconds: 0.5 } }, 'history.seconds must be a whole number'],
  [{ history: { events: 1, seconds: 31_536_001 } }, 'history.seconds must be a whole number, 1 to 31536000 (a year)'],
  [{ onSubscribe: 'all' as 'history' }, 'onSubscribe must be one of last-event, history, nothing.'],
  [{ slowReader: undefined as unknown as 'close' }, 'slowReader must be one of keep-latest, close.'],
  [{ deliverWithin: -1 }, 'deliverWithin must be a whole number of milliseconds, 0 to 1000'],
  [{ deliverWithin: 0.5 }, 'deliverWithin must be'],
  [{ deliverWithin: 1_001 }, 'deliverWithin must be'],
])('a feed is not defined with %j', (wrong, message) => {
  expect(() => defineFeed<number>({ ...options, ...wrong })).toThrow(message);
});

it.each<[object, string]>([
  [{ name: undefined }, 'Feed "undefined": name must be'],
  [{ field: undefined }, 'field must be a GraphQL name'],
  [{ type: undefined }, 'type must be a class or a scalar. A class that is undefined here'],
  [{ history: undefined }, 'history.events must be a whole number'],
  [{ defaults: 3 }, 'defaults must be a function that returns an object'],
  [{ defaults: () => 3 }, 'defaults must be a function that returns an object'],
  [{ defaults: async () => ({}) }, 'defaults must be a function that returns an object, not a promise'],
  [{ onSubscribed: 'nothing' }, 'onSubscribed is not an option of a feed'],
])('a feed is not defined by JavaScript with %o', (wrong, message) => {
  expect(() => defineFeed<number>({ ...options, ...wrong })).toThrow(message);
});

it('a feed is not added with the default of a field that its class does not have', () => {
  const defaults = (): object => ({ id: 'made', at: 'now' });
  const feed = defineFeed<Note>({ ...options, type: Note, defaults });
  expect(() => new FeedRegistry().register(feed as Feed)).toThrow(
    'Feed "temperature": defaults has at, but Note has no such field with a rule',
  );
});

it('a feed is delivered at once unless it says otherwise', () => {
  expect(defineFeed<number>(options).topic.deliverWithinMs).toBe(0);
  expect(defineFeed<number>({ ...options, deliverWithin: 20 }).topic.deliverWithinMs).toBe(20);
});

class Note {
  @IsString()
  id!: string;

  @IsString()
  text!: string;
}

it('makes the values of missing fields once, and then for each event that lacks one', () => {
  const defaults = vi.fn(() => ({ id: 'made' }));
  const feed = defineFeed<Note>({ ...options, type: Note, defaults });
  expect(defaults).toHaveBeenCalledOnce();
  defaults.mockClear();

  expect(feed.check({ id: 'given', text: 'a' })).toEqual({ ok: true, value: { id: 'given', text: 'a' } });
  expect(defaults).not.toHaveBeenCalled();
  expect(feed.check({ text: 'a' })).toEqual({ ok: true, value: { id: 'made', text: 'a' } });
  expect(feed.check({ id: null, text: 'a' })).toEqual({ ok: false, message: 'payload: id must be a string.' });
  expect(feed.check(null)).toEqual({ ok: false, message: 'payload must be a JSON object.' });
});

it('refuses null for a scalar that would write it as text', () => {
  const type = new GraphQLScalarType({ name: 'Text', serialize: String });
  const feed = defineFeed<string>({ ...(options as object as FeedOptions<string>), type });
  expect(feed.check('a')).toEqual({ ok: true, value: 'a' });
  expect(feed.check(null)).toEqual({ ok: false, message: 'payload must be a Text.' });
});

it.each([GraphQLISODateTime, GraphQLTimestamp])('refuses what the scalar %s would write as null', (type) => {
  const feed = defineFeed<string>({ ...(options as object as FeedOptions<string>), type });
  expect(feed.check('2026-01-31T12:00:00.000Z')).toEqual({ ok: false, message: `payload must be a ${type.name}.` });
});
