import { describe, expect, it } from 'vitest';
import { formatTraceparent, parseSampled, parseTraceparent } from './trace-context.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('a traceparent', () => {
  it('a traceparent is the context of a remote span', () => {
    const context = { traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true };
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual(context);
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)).toEqual({ ...context, traceFlags: 0 });
  });

  it('a traceparent keeps only the flag that is known', () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-ff`)).toMatchObject({ traceFlags: 1 });
    expect(parseSampled(`00-${TRACE}-${SPAN}-fe`)).toBeNull();
  });

  it('a traceparent of a later version may be longer', () => {
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-01-what-comes`)).toMatchObject({ traceId: TRACE });
  });

  it.each([
    ['no text', undefined],
    ['a list', [`00-${TRACE}-${SPAN}-01`]],
    ['empty', ''],
    ['a forbidden version', `ff-${TRACE}-${SPAN}-01`],
    ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['cut', `00-${TRACE}-${SPAN}`],
    ['too long', `00-${TRACE}-${SPAN}-01-more`],
    ['a line break', `00-${TRACE}-${SPAN}-01\n`],
    ['very long', `01-${TRACE}-${SPAN}-01-${'x'.repeat(10_000)}`],
  ])('a malformed traceparent is ignored: %s', (_, value) => {
    expect(parseTraceparent(value)).toBeNull();
  });

  it('a traceparent is written in 55 characters', () => {
    const text = `00-${TRACE}-${SPAN}-01`;
    expect(formatTraceparent(parseTraceparent(text)!)).toBe(text);
    expect(text).toHaveLength(55);
  });
});
