import { number, titleOf } from './table.mjs';

const WIDTH = 880;
const LABEL = 190;
const BAR = 18;
const GAP = 6;
/** Right of the longest bar: for its spread, and for its figure. */
const SPREAD = 120;
const FIGURE = 110;
const COLOURS = { ws: '#8a8f98', sallyport: '#1a7f5a', 'sallyport-resumable': '#4fb08c' };
const OTHERS = '#c3a35a';

const escape = (text) => text.replaceAll('`', '').replaceAll('&', '&amp;').replaceAll('<', '&lt;');

function panel(measure, top) {
  const rows = measure.rows;
  const largest = Math.max(...rows.map((row) => row.absolute.median));
  const scale = (WIDTH - LABEL - SPREAD - FIGURE) / largest;
  const better = measure.higherIsBetter ? 'more is better' : 'less is better';
  const parts = [
    `<text x="16" y="${top + 20}" class="title">${escape(measure.title)} [${measure.unit}], ${better}</text>`,
  ];
  rows.forEach((row, index) => {
    const y = top + 34 + index * (BAR + GAP);
    const width = Math.max(1, row.absolute.median * scale);
    const middle = y + BAR / 2;
    // One round far off leaves the picture, and an arrow says so; the table has its figure.
    const end = Math.min(LABEL + row.absolute.max * scale, WIDTH - FIGURE);
    const beyond = LABEL + row.absolute.max * scale > end ? `m-5 -4l5 4l-5 4` : '';
    const ratio = row.ratio && row.server !== measure.base ? ` (${row.ratio.median.toFixed(2)} ×)` : '';
    parts.push(
      `<text x="${LABEL - 8}" y="${y + 13}" class="name">${escape(titleOf(row.server))}</text>`,
      `<rect x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2" fill="${COLOURS[row.server] ?? OTHERS}"/>`,
      `<path d="M${(LABEL + row.absolute.min * scale).toFixed(1)} ${middle}H${end.toFixed(1)}${beyond}" class="spread"/>`,
      `<text x="${(Math.max(LABEL + width, end) + 8).toFixed(1)}" y="${y + 13}" class="value">${number(row.absolute.median)}${ratio}</text>`,
    );
  });
  return { text: parts.join('\n'), height: 34 + rows.length * (BAR + GAP) + 22 };
}

/** A chart of the measures: one panel each, with a bar per server, a line for the spread, and the ratio to bare ws. */
export function chart(measures) {
  let top = 12;
  const panels = measures.map((measure) => {
    const { text, height } = panel(measure, top);
    top += height;
    return text;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" role="img" aria-label="Benchmarks beside bare ws">
<style>
text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.name{text-anchor:end}.value{fill:#57606a}
.spread{stroke:#24292f;stroke-width:1.5;opacity:.55;fill:none}
</style>
<rect width="100%" height="100%" fill="#fff"/>
${panels.join('\n')}
</svg>
`;
}
