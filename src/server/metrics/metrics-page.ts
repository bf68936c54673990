import type { Registry } from 'prom-client';

/** What `GET /metrics` answers: of this process, or of all workers of this machine. */
export abstract class MetricsPage {
  /**
   * The metrics in Prometheus's text format.
   *
   * @throws UnavailableError when they cannot be gathered now
   */
  abstract text(): Promise<string>;
}

/** The metrics of this process alone. */
export class ProcessMetricsPage extends MetricsPage {
  constructor(private readonly registry: Registry) {
    super();
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }
}
