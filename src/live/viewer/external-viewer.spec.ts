import { describe, expect, it } from 'vitest';
import { asExternal, externalViewer, sourceOf, viewerId } from './external-viewer.js';
import { kindOf, parseViewerId } from './viewer.js';

const idOf = (source: string, subject: string): string | undefined => externalViewer(source, subject)?.id;

describe('TK-16 an external viewer', () => {
  it.each([
    ['1234', 'external:acme:1234'],
    ['auth0|5f7c', 'external:acme:auth0|5f7c'],
    ['ann@id.example', 'external:acme:ann@id.example'],
    ['acme:1234', 'external:acme:acme%3A1234'],
    ['a/b c', 'external:acme:a%2Fb%20c'],
    ['100%', 'external:acme:100%25'],
    ['%31', 'external:acme:%2531'],
    ['Zoë', 'external:acme:Zo%C3%AB'],
    ['Zoe\u0308', 'external:acme:Zoe%CC%88'],
    ['а', 'external:acme:%D0%B0'],
    ['💡', 'external:acme:%F0%9F%92%A1'],
    ['__proto__', 'external:acme:__proto__'],
  ])('an external viewer with the subject %s is named %s', (subject, id) => {
    expect(idOf('acme', subject)).toBe(id);
  });

  it.each([
    ['', 'no character'],
    ['a\u0000', 'a NUL'],
    ['a\nb', 'a line break'],
    ['a\u007f', 'a DEL'],
    ['a\u0085', 'a C1 control'],
    ['\ud800', 'half a surrogate pair'],
    ['\udc00\ud800', 'a surrogate pair the wrong way round'],
    ['x'.repeat(201), '201 characters'],
    ['ë'.repeat(101), '202 bytes'],
  ])('an external viewer is refused with the subject %j: %s', (subject) => {
    expect(externalViewer('acme', subject)).toBeNull();
  });

  it.each(['', 'Acme', '-acme', 'a_b', 'a:b', 'a.b', 'a'.repeat(33), 'äcme', 'acme\n'])(
    'an external viewer cannot have the source %j',
    (source) => {
      expect(externalViewer(source, '1')).toBeNull();
    },
  );

  it('an external viewer is parsed from its canonical spelling only', () => {
    for (const subject of ['1234', 'a:b', 'Zoë', '💡'.repeat(50), '\u{10ffff}', 'x'.repeat(200)]) {
      const viewer = externalViewer('acme', subject);
      const id = parseViewerId(viewer?.id);
      expect(id).toBe(viewer?.id);
      expect(id && asExternal(id)).toEqual(viewer);
    }
  });

  it.each([
    'external:acme:',
    'external::1',
    'external:acme',
    'external:acme:a:b',
    'external:acme:%41',
    'external:acme:%3a',
    'external:acme:%C3',
    'external:acme:%FF',
    'external:acme:%C0%AF',
    'external:acme:%ED%A0%80',
    'external:acme:a%00',
    'external:acme:a%0Ab',
    'external:acme:%',
    'external:acme:a b',
    'external:acme:*',
    'external:acme:Zoë',
    'external:Acme:1',
    'EXTERNAL:acme:1',
    ' external:acme:1',
    'external:acme:1\n',
    `external:acme:${'x'.repeat(201)}`,
    `external:acme:${'%C3%AB'.repeat(101)}`,
  ])('an external viewer is not parsed from %j', (text) => {
    expect(parseViewerId(text)).toBeNull();
  });

  it('an external viewer belongs to one source and is of one kind', () => {
    expect(idOf('acme', '1')).not.toBe(idOf('acme-2', '1'));
    const { id } = externalViewer('acme', 'user:1') ?? { id: 'user:' as const };
    expect(sourceOf(id)).toBe('acme');
    expect(kindOf(id)).toBe('external');
    expect(sourceOf('customer:acme:1')).toBeNull();
  });
});

describe("an application's viewer", () => {
  it.each([
    ['ada', 'external:app:ada'],
    [42, 'external:app:42'],
    [Number.MAX_SAFE_INTEGER, 'external:app:9007199254740991'],
  ])('with the id %j is %s', (subject, id) => {
    expect(viewerId('app', subject)).toBe(id);
  });

  it.each([[undefined], [null], [Number.NaN], [2 ** 53], [1.5], [{}], ['']])(
    'is not made of %j, which others would share',
    (subject) => {
      expect(() => viewerId('app', subject as number)).toThrow(RangeError);
    },
  );
});
