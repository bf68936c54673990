import { expect, it } from 'vitest';
import { cookieValues } from './cookie-values.js';

const NAME = '__Host-sallyport';
const named = (header: string): readonly string[] => cookieValues(header, NAME);

it('are read in their order, whatever spaces are around them', () => {
  expect(named(`a=b; ${NAME}=one;${NAME}=two ;\t${NAME}=three`)).toEqual(['one', 'two', 'three']);
});

// Browsers guard the prefix `__Host-` only at the very beginning of a name: a sibling domain may set such a cookie.
it.each(['\u00a0', '\u000b', '\u000c', '\u0085', '\u00c2\u00a0', '.', '"'])(
  'CK-1 are not those of a name that begins with %j',
  (front) => {
    expect(named(`${front}${NAME}=theirs; ${NAME}=ours`)).toEqual(['ours']);
  },
);
