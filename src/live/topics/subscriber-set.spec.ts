import { describe, expect, it } from 'vitest';
import { SubscriberSet } from './subscriber-set.js';

interface Subscriber {
  readonly name: string;
}

const [one, two, three]: [Subscriber, Subscriber, Subscriber] = [{ name: 'one' }, { name: 'two' }, { name: 'three' }];

function setOf(...subscribers: Subscriber[]): SubscriberSet<Subscriber> {
  const set = new SubscriberSet<Subscriber>();
  for (const subscriber of subscribers) set.add(subscriber);
  return set;
}

function namesOf(set: SubscriberSet<Subscriber>): string[] {
  const names: string[] = [];
  set.each(({ name }) => names.push(name));
  return names;
}

describe('a set of subscribers', () => {
  it('is empty at first, and when the last one has left', () => {
    const set = setOf();
    expect(set.isEmpty).toBe(true);
    set.add(one);
    expect(set.isEmpty).toBe(false);
    expect(set.delete(one)).toBe(true);
    expect(set.isEmpty).toBe(true);
  });

  it('visits each subscriber once, in the order in which they were added', () => {
    expect(namesOf(setOf(one))).toEqual(['one']);
    expect(namesOf(setOf(one, one, two, one, two, three))).toEqual(['one', 'two', 'three']);
  });

  it('removes only those that it has', () => {
    const set = setOf(one);
    expect(set.delete(two)).toBe(false);
    set.add(two);
    expect(set.delete(three)).toBe(false);
    expect(set.delete(one)).toBe(true);
    expect(namesOf(set)).toEqual(['two']);
    expect(set.delete(two)).toBe(true);
    expect(set.isEmpty).toBe(true);
  });

  it('has one subscriber again after several have left', () => {
    const set = setOf(one, two);
    set.delete(one);
    set.delete(two);
    set.add(three);
    expect(namesOf(set)).toEqual(['three']);
  });

  it('visits the others when the visited one is removed meanwhile', () => {
    const set = setOf(one, two, three);
    const visited: string[] = [];
    set.each((subscriber) => {
      visited.push(subscriber.name);
      set.delete(subscriber);
    });
    expect(visited).toEqual(['one', 'two', 'three']);
    expect(set.isEmpty).toBe(true);
  });
});
