import { AggregatorRegistry, type PrometheusContentType, type Registry } from 'prom-client';
import type { MetricJson } from './messages.js';

/**
 * How metrics of prom-client are merged where a sum would hide a worker: the slowest event loop counts, the process that
 * started first, and the one with the most file descriptors, since each has its own limit. Our metrics name their
 * `aggregator` themselves. All others are summed.
 */
const MERGED_OTHERWISE: Readonly<Record<string, string>> = {
  process_start_time_seconds: 'min',
  process_open_fds: 'max',
  process_max_fds: 'min',
};
const LAG = /^nodejs_eventloop_lag_(?!min)/;

/** The metrics of several processes as one page, in Prometheus's text format. */
export function mergedText(parts: readonly (readonly MetricJson[])[]): Promise<string> {
  return aggregate(parts).metrics();
}

/** The sum of what only grows in several processes, so that it can go on counting when one of them has ended. */
export async function cumulativeTotals(parts: readonly (readonly MetricJson[])[]): Promise<readonly MetricJson[]> {
  return metricsOf(aggregate(parts.map(onlyCumulative)));
}

/** The metrics of a registry, as a message can carry them. Its own type has a number where there is a name. */
export function metricsOf(registry: Registry): Promise<readonly MetricJson[]> {
  return registry.getMetricsAsJSON() as unknown as Promise<readonly MetricJson[]>;
}

/** What only grows: after a process has ended, it stays true. */
export function onlyCumulative(metrics: readonly MetricJson[]): readonly MetricJson[] {
  return metrics.filter(({ type }) => type === 'counter' || type === 'histogram' || type === 'summary');
}

function aggregate(parts: readonly (readonly MetricJson[])[]): Registry {
  return AggregatorRegistry.aggregate<PrometheusContentType>(parts.map((metrics) => metrics.map(withAggregator)));
}

function withAggregator(metric: MetricJson): MetricJson {
  const aggregator = LAG.test(metric.name) ? 'max' : MERGED_OTHERWISE[metric.name];
  return aggregator === undefined ? metric : { ...metric, aggregator };
}
