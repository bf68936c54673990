import cluster from 'node:cluster';
import type { Registry } from 'prom-client';
import { within } from '../../live/deadline.js';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { MetricsPage } from '../metrics/metrics-page.js';
import { metricsOf } from './merged-metrics.js';
import type { FromPrimary, FromWorker } from './messages.js';
import { OtherWorkers } from './other-workers.js';

const BEAT_EVERY_MS = 1_000;
/** Longer than the primary waits for workers, in ms. */
const PAGE_WITHIN_MS = 5_000;

/**
 * A worker's end of the channel to the primary. When the primary is gone, this process drains and ends as on SIGTERM.
 */
export class PrimaryChannel extends MetricsPage {
  /** The connections of the other workers. */
  readonly elsewhere = new OtherWorkers((counts, sent) => sendToPrimary({ kind: 'connections', counts }, sent));
  #registry: Registry | null = null;
  #env: ((env: Readonly<Record<string, string>>) => void) | null = null;
  #page: { readonly asked: Promise<string | null>; readonly answer: (text: string) => void } | null = null;

  /** Called once, first of all: the primary must hear that this process is alive. */
  constructor() {
    super();
    process.on('message', (message: FromPrimary) => this.#heard(message));
    // Before the listener of node:cluster, which would end the process at once.
    process.prependListener('disconnect', () => {
      if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
      process.kill(process.pid, 'SIGTERM');
    });
    setInterval(() => sendToPrimary({ kind: 'beat' }), BEAT_EVERY_MS).unref();
  }

  /** The environment that the primary has read. */
  environment(): Promise<Readonly<Record<string, string>>> {
    return new Promise((resolve) => {
      this.#env = resolve;
      sendToPrimary({ kind: 'environment' });
    });
  }

  /** Tells the primary that this worker serves, and answers its questions for metrics from then on. */
  serves(registry: Registry): void {
    this.#registry = registry;
    sendToPrimary({ kind: 'serving' });
  }

  /** The page of all workers. Questions that come meanwhile share the answer. */
  async text(): Promise<string> {
    const page = (this.#page ??= this.#askForPage());
    const text = await page.asked;
    if (text === null) throw new UnavailableError('The metrics of all workers cannot be gathered now.');
    return text;
  }

  #askForPage() {
    let answer: (text: string) => void = () => {};
    const answered = new Promise<string>((resolve) => (answer = resolve));
    const asked = within(PAGE_WITHIN_MS, answered, null).finally(() => (this.#page = null));
    sendToPrimary({ kind: 'page' });
    return { asked, answer };
  }

  #heard(message: FromPrimary): void {
    switch (message.kind) {
      case 'environment':
        this.#env?.(message.env);
        break;
      case 'metrics':
        void this.#answer(message.round);
        break;
      case 'page':
        this.#page?.answer(message.text);
        break;
      case 'excess':
        this.elsewhere.exceeded(message.viewers);
        break;
      case 'connections':
        this.elsewhere.heard(message.counts);
        break;
    }
  }

  async #answer(round: number): Promise<void> {
    // A worker that does not answer is left out of the page, which says so.
    const metrics = this.#registry && (await metricsOf(this.#registry).catch(() => null));
    if (metrics) sendToPrimary({ kind: 'metrics', round, metrics });
  }
}

/**
 * A primary that is gone is noticed by `disconnect`.
 *
 * @param sent called when the message has left
 */
function sendToPrimary(message: FromWorker, sent: () => void = () => {}): void {
  if (process.connected) process.send?.(message, undefined, undefined, sent);
}
