import { hostname } from 'node:os';
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import { type MetricObject, Registry } from 'prom-client';
import { VIEWER_KINDS, type ViewerKind } from '../../live/viewer/viewer.js';
import { VERSION } from '../version.js';

/** What one node does. Counters only grow, so two reports give a rate. */
export interface NodeReport {
  /** Host and process id. */
  readonly name: string;
  readonly version: string;
  /** When it was made, in milliseconds since the node started, by its monotonic clock. */
  readonly clockMs: number;
  readonly sockets: number;
  readonly viewerSockets: Readonly<Record<ViewerKind, number>>;
  /** Topics with subscribers on this node. */
  readonly topics: number;
  /** Frames written to sockets since the start: events, and few others. */
  readonly delivered: number;
  /** Events that other backends published through this node since its start, over HTTP or by SQL. */
  readonly published: number;
  /** How busy its event loop was since the last report, from 0 to 1. */
  readonly busy: number;
  readonly memoryBytes: number;
  /** Whether each store answers and takes writes. */
  readonly stores: Readonly<Record<string, boolean>>;
}

/** Reports what this node does, from its metrics. */
@Injectable()
export class NodeReporter {
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();
  readonly #name = `${hostname()} · ${process.pid}`;

  constructor(private readonly registry: Registry) {}

  /** Costs less than a scrape: it reads a few metrics only. */
  async report(): Promise<NodeReport> {
    const utilization = performance.eventLoopUtilization();
    const { utilization: busy } = performance.eventLoopUtilization(utilization, this.#utilization);
    this.#utilization = utilization;
    const [sockets, viewers, topics, frames, published, outbox, stores] = await Promise.all([
      this.#sum('sallyport_sockets'),
      this.#by('sallyport_viewer_sockets', 'kind'),
      this.#sum('sallyport_topics'),
      this.#sum('sallyport_frames_sent_total'),
      this.#by('sallyport_published_total', 'outcome'),
      this.#by('sallyport_outbox_events_total', 'outcome'),
      this.#by('sallyport_store_up', 'store'),
    ]);
    const kinds = VIEWER_KINDS.map((kind) => [kind, viewers[kind] ?? 0] as const);
    return {
      name: this.#name,
      version: VERSION,
      clockMs: Math.round(performance.now()),
      sockets,
      viewerSockets: Object.fromEntries(kinds) as Record<ViewerKind, number>,
      topics,
      delivered: frames,
      published: (published['taken'] ?? 0) + (outbox['published'] ?? 0),
      busy: Math.round(busy * 1_000) / 1_000,
      memoryBytes: process.memoryUsage.rss(),
      stores: Object.fromEntries(Object.entries(stores).map(([store, up]) => [store, up === 1])),
    };
  }

  async #sum(name: string): Promise<number> {
    const values = await this.#values(name);
    return values.reduce((sum, { value }) => sum + value, 0);
  }

  /** The values of a metric by one of its labels, summed over the others. */
  async #by(name: string, label: string): Promise<Readonly<Record<string, number>>> {
    const sums: Record<string, number> = {};
    for (const { labels, value } of await this.#values(name)) {
      const of = String(labels[label]);
      sums[of] = (sums[of] ?? 0) + value;
    }
    return sums;
  }

  /** None if there is no such metric here, as without a shared store. */
  async #values(name: string): Promise<readonly MetricValue[]> {
    const metric = this.registry.getSingleMetric(name);
    if (!metric) return [];
    const { values } = (await metric.get()) as MetricObject & { readonly values: readonly MetricValue[] };
    return values;
  }
}

interface MetricValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
}
