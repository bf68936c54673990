import { Registry } from 'prom-client';

/**
 * Where metrics are registered. Its own injection token: an application may provide prom-client's `Registry` in a global
 * module, and then either would get the other's.
 */
export class MetricsRegistry extends Registry {}
