import { Liquid } from 'liquidjs';
import { describe, expect, it } from 'vitest';
import { embeddedJson } from './live-page.js';

const NASTY = `{{ 7 | times: 6 }}{% raw %}</script><!--<script>"'&\u2028\u00e9{{`;

describe('AP-11: JSON inside Liquid and HTML', () => {
  it('embedded JSON is unchanged by Liquid', async () => {
    const rendered = (await new Liquid().parseAndRender(embeddedJson({ nasty: NASTY, plain: 'x' }))) as string;
    expect(JSON.parse(rendered)).toEqual({ nasty: NASTY, plain: 'x' });
  });

  it('embedded JSON contains nothing that could end a script element or start a tag', () => {
    expect(embeddedJson({ nasty: NASTY })).not.toMatch(/[<>&%]|\{\{|[^\u0020-\u007e]/);
  });
});
