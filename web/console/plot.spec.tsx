import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import { Plot } from './plot.js';

/** The labels of the value axis, from the bottom. */
function labelsFor(value: number): string[] {
  const lines = [{ label: 'sockets', look: 'first', values: [{ at: 0, value }] }] as const;
  const markup = renderToStaticMarkup(<Plot title="Connections" lines={lines} />);
  return [...markup.matchAll(/class="plot-label"[^>]*>([^<]*)</g)].slice(0, 3).map(([, text = '']) => text);
}

describe('the value axis of a plot', () => {
  it.each([
    [0, '0 2 4'],
    [4, '0 3 6'],
    [8, '0 5 10'],
    [42, '0 30 60'],
    [15_000, '0 10K 20K'],
  ])('with %i has labels that are exactly the values of their lines', (value, labels) => {
    expect(labelsFor(value).join(' ')).toBe(labels);
  });
});
