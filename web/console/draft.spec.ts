import { describe, expect, it } from 'vitest';
import { type Draft, type ObjectTypes, readDraft, type ValueShape } from './draft.js';

const scalar = (name: string, required = true): ValueShape => ({ kind: 'scalar', name, required });
const field = (name: string, shape: ValueShape) => ({ name, description: null, shape });
const COLOURS: ValueShape = {
  kind: 'enum',
  required: true,
  values: [
    { name: 'RED', value: 'r' },
    { name: 'BLUE', value: 'b' },
  ],
};
const TYPES: ObjectTypes = {
  Order: [
    field('id', scalar('ID')),
    field('note', scalar('String', false)),
    field('count', scalar('Int')),
    field('price', scalar('Float', false)),
    field('paid', scalar('Boolean', false)),
    field('data', scalar('JSON', false)),
    field('colour', COLOURS),
    field('tags', { kind: 'list', required: true, of: scalar('String') }),
    field('parent', { kind: 'object', type: 'Order', required: false }),
  ],
};
const ORDER: ValueShape = { kind: 'object', type: 'Order', required: true };
const read = (draft: Draft, shape: ValueShape = ORDER) => readDraft(draft, shape, TYPES, ['id']);

describe('what was entered', () => {
  it('becomes JSON of the types of its fields', () => {
    const draft = {
      id: '7',
      note: 'n',
      count: '3',
      price: '1.5',
      paid: 'false',
      data: '{"a":[1]}',
      colour: 'BLUE',
      tags: ['x', ''],
    };
    expect(read({ ...draft, parent: { id: '', count: '1', colour: 'RED' } })).toEqual({
      value: {
        ...{ id: '7', note: 'n', count: 3, price: 1.5, paid: false, data: { a: [1] }, colour: 'b', tags: ['x', ''] },
        parent: { id: '', count: 1, colour: 'r', tags: [] },
      },
      faults: {},
    });
  });

  it('leaves out what is empty and may be', () => {
    expect(read({ count: '0', colour: 'RED' })).toEqual({ value: { count: 0, colour: 'r', tags: [] }, faults: {} });
  });

  it('says by path what is no value of its type', () => {
    const wrong = { count: '1.5', price: 'x', data: 'text', parent: { count: '', colour: 'GREEN' } };
    expect(read(wrong).faults).toEqual({
      'payload.count': 'This must be a whole number.',
      'payload.price': 'This must be a number.',
      'payload.data': 'This is not JSON. Text needs quotes: "text".',
      'payload.colour': 'Choose one.',
      'payload.parent.count': 'A value is required.',
    });
  });

  it('may be one plain value, and knows nothing of prototypes', () => {
    expect(read('5', scalar('Int'))).toEqual({ value: 5, faults: {} });
    expect(read({ count: '1', colour: 'RED', constructor: 'x' }).value).toEqual({ count: 1, colour: 'r', tags: [] });
  });
});
