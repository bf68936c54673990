import { randomInt } from 'node:crypto';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { Presence } from '../../live/presence/presence.js';
import { TopicBus } from '../../live/topics/topic.bus.js';
import { topicOf } from '../../live/topics/topic.js';
import { IntervalLease } from '../../live/leases/interval-lease.js';
import { UserCountFeed } from './user-count.feed.js';

/** The settings of this feed. */
export interface FeedsConfig {
  readonly userCountIntervalSeconds: number;
}

/** Injection token of the settings of this feed. */
export const FEEDS_CONFIG = Symbol('FEEDS_CONFIG');

const SMALLEST = 1;
const LARGEST = 10;

/** Publishes a random number to every connected viewer each interval, from one node at a time. */
@Injectable()
export class UserCountWorker implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  readonly #logger = new Logger(UserCountWorker.name);
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | null = null;
  #isOver = false;

  constructor(
    private readonly bus: TopicBus,
    private readonly presence: Presence,
    private readonly lease: IntervalLease,
    @Inject(FEEDS_CONFIG) config: FeedsConfig,
  ) {
    this.#intervalMs = config.userCountIntervalSeconds * 1000;
  }

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => this.#tick(), this.#intervalMs);
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
    this.#isOver = true;
  }

  /** Lets a running tick end, after the sockets and while the stores are still open. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#ticking;
  }

  /**
   * A tick is skipped while the previous one is running or a store is unavailable, since only the newest number
   * matters.
   */
  #tick(): void {
    this.#ticking ??= this.#publish().finally(() => (this.#ticking = null));
  }

  /** Never throws. */
  async #publish(): Promise<void> {
    try {
      if (!(await this.lease.take(UserCountFeed.topic.name, this.#intervalMs))) return;
      for await (const viewers of this.presence.connected()) {
        if (this.#isOver) return;
        await this.bus.publish(
          viewers.map((viewer) => ({
            topic: topicOf(UserCountFeed.topic, viewer),
            payload: randomInt(SMALLEST, LARGEST + 1),
          })),
        );
      }
    } catch (error) {
      // The store reports its own outage.
      if (!(error instanceof UnavailableError)) this.#logger.error(error);
    }
  }
}
