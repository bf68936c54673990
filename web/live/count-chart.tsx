import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { CountPoint } from './feeds.js';

const HEIGHT = 168;
const RANGE: uPlot.Range.MinMax = [0, 11];

/** The last values as steps. Loaded when there is something to draw. */
export default function CountChart({ counts }: { readonly counts: readonly CountPoint[] }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const latest = useRef(counts);

  useEffect(() => {
    latest.current = counts;
    chart.current?.setData(columns(counts));
  }, [counts]);

  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const draw = (): void => {
      chart.current?.destroy();
      chart.current = new uPlot(optionsFor(element), columns(latest.current), element);
    };
    draw();
    const resized = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    const scheme = window.matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => {
      scheme.removeEventListener('change', draw);
      resized.disconnect();
      chart.current?.destroy();
      chart.current = null;
    };
  }, []);

  return <div ref={place} />;
}

/** The newest value is drawn as wide as the one before it, otherwise it would have no width. */
function columns(counts: readonly CountPoint[]): uPlot.AlignedData {
  const [before, last] = counts.slice(-2);
  const held = before && last ? [{ at: 2 * last.at - before.at, value: last.value }] : [];
  const points = [...counts, ...held];
  return [points.map(({ at }) => at), points.map(({ value }) => value)];
}

function optionsFor(element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: colour('--muted'),
    font: `12px ${style.fontFamily}`,
    ticks: { show: false },
    border: { show: false },
  };
  const steps = uPlot.paths.stepped;
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 22, 0, 0],
    scales: { y: { range: RANGE } },
    axes: [
      { ...axis, size: 28, grid: { show: false }, space: 80, values: '{HH}:{mm}:{ss}' },
      { ...axis, size: 28, splits: () => [1, 5, 10], grid: { stroke: colour('--line'), width: 1 } },
    ],
    series: [
      {},
      {
        stroke: colour('--accent'),
        fill: colour('--accent-soft'),
        width: 2,
        points: { show: false },
        ...(steps ? { paths: steps({ align: 1 }) } : {}),
      },
    ],
  };
}
