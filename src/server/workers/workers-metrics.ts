import { Counter, Gauge, Registry } from 'prom-client';
import { within } from '../../live/deadline.js';
import { MetricsPage } from '../metrics/metrics-page.js';
import { collectProcessMetrics } from '../metrics/process.metrics.js';
import { cumulativeTotals, mergedText, metricsOf, onlyCumulative } from './merged-metrics.js';
import type { MetricJson } from './messages.js';

/** A worker that does not answer within this time is left out of a page, in ms. Scrapers usually wait for 10 s. */
const ANSWER_WITHIN_MS = 2_000;

/** Why a worker ended, for the counter. */
export type WorkerEnd = 'exited' | 'killed' | 'hung';

/** The last metrics of a worker, and the round of questions that they answer. */
interface Seen {
  readonly metrics: readonly MetricJson[];
  readonly round: number;
}

/**
 * The metrics of all workers and of the primary, as one page. Counters never go down: those of a worker that has ended
 * stay in the sum, with the values that were last seen, and so do those of one that does not answer in time, whose
 * gauges are missing; `sallyport_workers` says how many answered.
 */
export class WorkersMetrics extends MetricsPage {
  readonly #registry = new Registry();
  readonly #workers: Gauge<'state'>;
  readonly #ends: Counter<'reason'>;
  readonly #seen = new Map<number, Seen>();
  /** What only grows, of workers that have ended: merged at the next scrape. */
  #ended: (readonly MetricJson[])[] = [];
  #round = 0;
  #waiting: { readonly left: Set<number>; readonly done: () => void } | null = null;
  #gathering: Promise<string> | null = null;

  /** @param ask sends the question of this number to every worker that serves, and returns their ids */
  constructor(private readonly ask: (round: number) => readonly number[]) {
    super();
    collectProcessMetrics(this.#registry);
    const registers = [this.#registry];
    this.#workers = new Gauge({
      name: 'sallyport_workers',
      help: 'Workers that serve, by whether they answered this scrape within 2 s: answered or silent.',
      labelNames: ['state'],
      registers,
    });
    this.#ends = new Counter({
      name: 'sallyport_worker_ends_total',
      help: 'Workers that ended while the server was running, by how: exited, killed by a signal, or hung.',
      labelNames: ['reason'],
      registers,
    });
    for (const reason of ['exited', 'killed', 'hung'] as const) this.#ends.inc({ reason }, 0);
  }

  /** One question to all workers at a time: scrapes that come meanwhile share its answer. */
  text(): Promise<string> {
    return (this.#gathering ??= this.#gather().finally(() => (this.#gathering = null)));
  }

  /** Called with a worker's answer. */
  answered(worker: number, round: number, metrics: readonly MetricJson[]): void {
    this.#seen.set(worker, { metrics, round });
    if (round !== this.#round) return;
    this.#arrived(worker);
  }

  /** Called when a worker has ended, with how; null while the whole server drains. */
  ended(worker: number, reason: WorkerEnd | null): void {
    if (reason !== null) this.#ends.inc({ reason });
    const last = this.#seen.get(worker);
    this.#seen.delete(worker);
    this.#arrived(worker);
    if (last) this.#ended.push(onlyCumulative(last.metrics));
  }

  async #gather(): Promise<string> {
    const round = ++this.#round;
    const asked = this.ask(round);
    const answers = new Promise<void>((done) => {
      this.#waiting = { left: new Set(asked), done };
      if (asked.length === 0) done();
    });
    await within(ANSWER_WITHIN_MS, answers, undefined);
    this.#waiting = null;
    const inTime = [...this.#seen.values()].filter((seen) => seen.round === round);
    const late = [...this.#seen.values()].filter((seen) => seen.round !== round);
    this.#workers.set({ state: 'answered' }, inTime.length);
    this.#workers.set({ state: 'silent' }, asked.length - inTime.length);
    const ended = this.#ended.splice(0);
    this.#ended.unshift(await cumulativeTotals(ended));
    const own = await metricsOf(this.#registry);
    return mergedText([
      own,
      ...inTime.map(({ metrics }) => metrics),
      ...late.map(({ metrics }) => onlyCumulative(metrics)),
      ...this.#ended,
    ]);
  }

  #arrived(worker: number): void {
    if (this.#waiting?.left.delete(worker) && this.#waiting.left.size === 0) this.#waiting.done();
  }
}
