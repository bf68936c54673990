import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Metric, Registry } from 'prom-client';
import { StartError } from '../live/errors/sallyport.errors.js';
import { MetricsRegistry } from '../live/metrics-registry.js';

/** The metrics of Sallyport, which are in the application's registry from its start until it is closed. */
export class AppRegistry extends MetricsRegistry implements OnModuleInit, OnApplicationShutdown {
  #isShown = false;

  constructor(private readonly shownIn: Registry) {
    super();
  }

  override registerMetric<T extends string>(metric: Metric<T>): void {
    super.registerMetric(metric);
    if (this.#isShown) this.shownIn.registerMetric(metric);
  }

  /** @throws StartError when the registry has such a metric */
  onModuleInit(): void {
    const taken = this.#names.find((name) => this.shownIn.getSingleMetric(name) !== undefined);
    if (taken !== undefined)
      throw new StartError(
        `SallyportModule: metrics: the registry already has ${taken}, of another application that is open. Give each its own Registry.`,
      );
    this.#isShown = true;
    for (const name of this.#names) this.shownIn.registerMetric(this.getSingleMetric(name)!);
  }

  /** So that the next application in this process can use the registry. */
  onApplicationShutdown(): void {
    if (this.#isShown) for (const name of this.#names) this.shownIn.removeSingleMetric(name);
    this.#isShown = false;
  }

  get #names(): readonly string[] {
    return this.getMetricsAsArray().map(({ name }) => name);
  }
}
