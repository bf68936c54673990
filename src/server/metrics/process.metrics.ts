import { readdirSync, statSync } from 'node:fs';
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';

/**
 * Metrics of prom-client that list every open socket or file descriptor at each scrape: with 4,000 sockets this keeps the
 * event loop busy for 25 ms. `sallyport_sockets` and `sallyport_http_connections` count what matters.
 */
const COSTLY = [
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
  'process_open_fds',
] as const;
const DESCRIPTORS = '/proc/self/fd';
/** Where counting means listing, how long a count is kept, in milliseconds. */
const KEEP_COUNT_MS = 10_000;

/** Registers the metrics of the process: those of prom-client, except for what would delay events. */
export function collectProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const name of COSTLY) registry.removeSingleMetric(name);
  if (process.platform !== 'linux') return;
  const descriptors = new DescriptorCount();
  const open: Gauge = new Gauge({
    name: 'process_open_fds',
    help: 'Number of open file descriptors.',
    registers: [registry],
    collect: () => open.set(descriptors.read()),
  });
}

/** The number of open file descriptors. Linux 6.2 and newer tell it; before, they are listed every ten seconds. */
class DescriptorCount {
  #listed = 0;
  #listedAtMs = -Infinity;

  read(): number {
    const { size } = statSync(DESCRIPTORS);
    if (size > 0) return size;
    if (performance.now() - this.#listedAtMs >= KEEP_COUNT_MS) {
      this.#listed = readdirSync(DESCRIPTORS).length;
      this.#listedAtMs = performance.now();
    }
    return this.#listed;
  }
}
