import type { MetricsPage } from './metrics-page.js';

/** Where metrics are served. */
export interface MetricsConfig {
  /** `METRICS_PORT`; null: on the port of the server. */
  readonly port: number | null;
  readonly host: string;
  /** To whom the server's own port serves them as well. `private`: see `isFromPrivateNetwork`. */
  readonly onServer: 'everybody' | 'private' | 'nobody';
  /** In a worker: the page of all workers. Default: the metrics of this process. */
  readonly page?: MetricsPage;
}

/** Injection token of the {@link MetricsConfig}. */
export const METRICS_CONFIG = Symbol('METRICS_CONFIG');
