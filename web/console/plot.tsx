import { type RefObject, useEffect, useId, useRef, useState } from 'react';
import { PLOT_SECONDS } from './rates.js';

const HEIGHT = 190;
const EDGE = { top: 10, right: 8, bottom: 24, left: 44 };
/** A longer pause between two points is a gap in the line, in ms. */
const GAP_MS = 5_000;
const FIRST_WIDTH = 560;
/** Below this width there is room for fewer words. */
const NARROW = 420;

/** One line of a plot. */
export interface Line {
  readonly label: string;
  /** Chooses colour and dashes. */
  readonly look: 'first' | 'second';
  readonly values: readonly { readonly at: number; readonly value: number }[];
}

interface Props {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** Lines over the last five minutes, with their last values as text. */
export function Plot({ title, lines }: Props) {
  const [place, width] = useWidth();
  const id = useId();
  const end = Math.max(...lines.map(({ values }) => values.at(-1)?.at ?? 0));
  const top = niceTop(Math.max(0, ...lines.flatMap(({ values }) => values.map(({ value }) => value))));
  const x = (at: number): number =>
    EDGE.left + (1 - (end - at) / (PLOT_SECONDS * 1000)) * (width - EDGE.left - EDGE.right);
  const y = (value: number): number => HEIGHT - EDGE.bottom - (value / top) * (HEIGHT - EDGE.top - EDGE.bottom);
  return (
    <figure className="card plot" aria-labelledby={id}>
      <figcaption className="plot-head">
        <h2 id={id}>{title}</h2>
        <ul className="plot-legend">
          {lines.map(({ label, look, values }) => (
            <li key={label}>
              <svg width="22" height="8" aria-hidden="true">
                <line className={`plot-line ${look}`} x1="0" x2="22" y1="4" y2="4" />
              </svg>
              {label} <strong>{format(values.at(-1)?.value ?? 0)}</strong>
            </li>
          ))}
        </ul>
      </figcaption>
      <p className="hidden">{`${title}. ${lines.map(wordsOf).join(' ')}`}</p>
      <div ref={place}>
        <svg width={width} height={HEIGHT} aria-hidden="true">
          {[0, top / 2, top].map((value) => (
            <g key={value}>
              <line className="plot-grid" x1={EDGE.left} x2={width - EDGE.right} y1={y(value)} y2={y(value)} />
              <text className="plot-label" x={EDGE.left - 8} y={y(value) + 4} textAnchor="end">
                {format(value)}
              </text>
            </g>
          ))}
          {(width < NARROW ? [4, 2, 0] : [5, 4, 3, 2, 1, 0]).map((minutes) => (
            <text
              key={minutes}
              className="plot-label"
              x={x(end - minutes * 60_000)}
              y={HEIGHT - 6}
              textAnchor={anchorOf(minutes)}
            >
              {minutes === 0 ? 'now' : `−${minutes} min`}
            </text>
          ))}
          {lines.map(({ label, look, values }) => (
            <path
              key={label}
              className={`plot-line ${look}`}
              d={pathOf(
                values.filter(({ at }) => end - at <= PLOT_SECONDS * 1000),
                x,
                y,
              )}
            />
          ))}
        </svg>
      </div>
    </figure>
  );
}

function anchorOf(minutes: number): 'start' | 'middle' | 'end' {
  if (minutes === 0) return 'end';
  return minutes === 5 ? 'start' : 'middle';
}

function pathOf(values: Line['values'], x: (at: number) => number, y: (value: number) => number): string {
  let before = -Infinity;
  const steps = values.map(({ at, value }) => {
    const command = at - before > GAP_MS ? 'M' : 'L';
    before = at;
    return `${command}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  return steps.join('');
}

/** The line in words, for those who do not see it. */
function wordsOf({ label, values }: Line): string {
  const numbers = values.map(({ value }) => value);
  if (numbers.length === 0) return `${label}: no values yet.`;
  const range = `between ${format(Math.min(...numbers))} and ${format(Math.max(...numbers))} in the last 5 minutes`;
  return `${label}: ${format(numbers.at(-1) ?? 0)} now, ${range}.`;
}

/** The upper end of an axis: 1, 2, 4 or 6 times a power of ten, at least 4, so that its half is a whole number too. */
function niceTop(value: number): number {
  const wanted = Math.max(4, value * 1.1);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 4, 6, 10].find((factor) => factor * power >= wanted) ?? 10;
  return step * power;
}

/** A number that is short enough for an axis. */
export function format(value: number): string {
  return value < 10_000
    ? String(Math.round(value))
    : new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(value);
}

function useWidth(): readonly [RefObject<HTMLDivElement | null>, number] {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(FIRST_WIDTH);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setWidth(Math.max(200, element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [place, width];
}
