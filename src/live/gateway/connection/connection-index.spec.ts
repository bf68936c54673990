import { describe, expect, it } from 'vitest';
import type { Connection } from './connection.js';
import { ConnectionIndex } from './connection-index.js';

const connection = (name: string): Connection => ({ name }) as unknown as Connection;
const [one, two, three] = ['one', 'two', 'three'].map(connection) as [Connection, Connection, Connection];

describe('connections by a key', () => {
  it('the connections of a key are those that were added for it, in order', () => {
    const index = new ConnectionIndex<string>();
    index.add('ada', one);
    expect([index.of('ada'), index.count('ada')]).toEqual([[one], 1]);
    index.add('ada', two);
    index.add('ada', three);
    index.add('bob', one);
    expect([index.of('ada'), index.count('ada')]).toEqual([[one, two, three], 3]);
    expect([...index.keys()]).toEqual(['ada', 'bob']);
    expect([index.of('eve'), index.count('eve')]).toEqual([[], 0]);
  });

  it('connections leave a key one by one, and a key without any is forgotten', () => {
    const index = new ConnectionIndex<string>();
    for (const each of [one, two]) index.add('ada', each);
    index.remove('ada', three);
    index.remove('ada', one);
    expect(index.of('ada')).toEqual([two]);
    index.remove('ada', one);
    expect(index.count('ada')).toBe(1);
    index.remove('ada', two);
    expect([...index.keys()]).toEqual([]);
    index.add('ada', one);
    index.remove('ada', two);
    expect(index.of('ada')).toEqual([one]);
    index.remove('ada', one);
    expect([...index.keys()]).toEqual([]);
  });

  it('all connections of a key are removed with it', () => {
    const index = new ConnectionIndex<string>();
    for (const each of [one, two]) index.add('ada', each);
    const all = index.of('ada');
    index.delete('ada');
    expect(index.of('ada')).toEqual([]);
    expect(all).toEqual([one, two]);
  });
});
