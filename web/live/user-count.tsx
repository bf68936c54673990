import { lazy, Suspense } from 'react';
import type { CountPoint } from './feeds.js';

/** If its file cannot be loaded, because the server is restarting or was upgraded, the page works without it. */
const CountChart = lazy(() => import('./count-chart.js').catch(() => ({ default: NoChart })));

function NoChart() {
  return <p className="muted count-empty">The chart could not be loaded. Reload the page to see it.</p>;
}

/** The newest value, above a chart of the last ones. */
export function UserCount({ counts }: { readonly counts: readonly CountPoint[] }) {
  const latest = counts.at(-1);
  const values = counts.map(({ value }) => value);
  return (
    <section className="card count" aria-labelledby="count-title">
      <header className="card-header">
        <h2 id="count-title">Your number</h2>
      </header>
      {latest === undefined ? (
        <p className="count-value pending">
          <span aria-hidden="true">–</span>
          <span className="hidden">No value yet</span>
        </p>
      ) : (
        <p className="count-value" data-testid="count">
          {latest.value}
        </p>
      )}
      <p className="muted">
        A number from 1 to 10, published every few seconds only to you. Two of your browsers show the same number;
        another user’s browser shows a different one.
      </p>
      <figure
        className="count-chart"
        aria-label={
          values.length > 1 ? `The last ${values.length} values: ${values.slice(-10).join(', ')}` : 'No values yet'
        }
      >
        {counts.length > 1 ? (
          <Suspense fallback={null}>
            <CountChart counts={counts} />
          </Suspense>
        ) : (
          <p className="muted count-empty">
            {latest === undefined ? 'The first number is on its way.' : 'The chart begins with the second number.'}
          </p>
        )}
      </figure>
    </section>
  );
}
