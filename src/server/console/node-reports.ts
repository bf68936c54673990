import { randomUUID } from 'node:crypto';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from 'pino';
import { DATABASE_CONFIG, type DatabaseConfig } from '../../identity/identity.config.js';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { LOGGER } from '../../live/logging/logger.js';
import { NodeReporter } from './node-report.js';
import { NodeReportStore, type ReportOfNode } from './node-report.store.js';

/** How often a node reports while an operator watches, in milliseconds. */
const REPORT_EVERY_MS = 1_000;
/** How often it looks whether an operator watches, in reports. */
const LOOK_EVERY = 5;
/** How long it reports after it was asked itself, in milliseconds. */
const WATCHED_MS = 15_000;

/** What nodes do, as an operator sees it. */
export interface NodesAnswer {
  readonly nodes: readonly ReportOfNode[];
  /** The node that answers. */
  readonly node: string;
}

/**
 * Collects what every node does, through the database that they share, and only while an operator watches: otherwise a
 * node looks every five seconds whether one does. With the embedded database there is one node, and nothing is written.
 */
@Injectable()
export class NodeReports implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #node = randomUUID();
  #timer: NodeJS.Timeout | undefined;
  #beats = 0;
  #askedAtMs = -Infinity;
  #isWatchedElsewhere = false;
  #reporting: Promise<void> | null = null;

  constructor(
    private readonly reporter: NodeReporter,
    private readonly store: NodeReportStore,
    @Inject(DATABASE_CONFIG) private readonly config: DatabaseConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.url === null) return;
    this.#timer = setInterval(() => {
      this.#reporting ??= this.#beat().finally(() => (this.#reporting = null));
    }, REPORT_EVERY_MS).unref();
  }

  /** Removes this node's report while the database is still open. */
  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#reporting;
    if (this.#isWatched) await this.store.remove(this.#node).catch(() => {});
  }

  /**
   * The reports of all nodes. Another node's is at most two seconds old; it is missing for up to five seconds after the
   * first call.
   *
   * @throws UnavailableError when the database is unavailable
   */
  async all(): Promise<NodesAnswer> {
    const wasAsked = performance.now() - this.#askedAtMs < REPORT_EVERY_MS * 2;
    this.#askedAtMs = performance.now();
    const own = { node: this.#node, report: await this.reporter.report() };
    if (this.config.url === null) return { nodes: [own], node: this.#node };
    // Only the first time: the timer goes on with it.
    if (!wasAsked) await this.store.put(this.#node, own.report, true);
    const others = (await this.store.all()).filter(({ node }) => node !== this.#node);
    return { nodes: [own, ...others], node: this.#node };
  }

  get #isWatched(): boolean {
    return this.#isWatchedElsewhere || performance.now() - this.#askedAtMs < WATCHED_MS;
  }

  async #beat(): Promise<void> {
    try {
      if (this.#beats++ % LOOK_EVERY === 0) this.#isWatchedElsewhere = await this.store.isWatched();
      if (!this.#isWatched) return;
      const isAsked = performance.now() - this.#askedAtMs < REPORT_EVERY_MS * 2;
      await this.store.put(this.#node, await this.reporter.report(), isAsked);
    } catch (error) {
      // The database reports its own outage.
      if (!(error instanceof UnavailableError))
        this.logger.error({ err: error }, 'console: reporting this node failed');
    }
  }
}
