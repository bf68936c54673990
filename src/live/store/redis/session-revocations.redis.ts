import { randomUUID } from 'node:crypto';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import type { RedisConnection } from './redis.connection.js';
import type { RedisSubscriber } from './redis.subscriber.js';
import { announcedHere, type RevokedViewer, SessionRevocations } from '../../sessions/session-revocations.js';
import { readRevocations, REVOCATIONS_PER_MESSAGE, writeRevocations } from '../revocation-message.js';

const CHANNEL = 'sallyport:session-endings';

/**
 * Revocations over all nodes of one Redis. The message is sent before the announcement resolves, on the connection that
 * also carries events, so on every node it arrives before events that are published after the answer. (On a cluster
 * channels belong to different shards, so an event may arrive before it by the time of one message.)
 */
export class RedisSessionRevocations extends SessionRevocations implements OnModuleInit, OnApplicationShutdown {
  /** Tells this node's own messages from the others'. */
  readonly #node = randomUUID();

  constructor(
    private readonly redis: RedisConnection,
    private readonly subscriber: RedisSubscriber,
    private readonly logger: Logger,
  ) {
    super();
  }

  async onModuleInit(): Promise<void> {
    await this.subscriber.subscribe(CHANNEL, { hear: (message) => this.#hear(message) });
  }

  onApplicationShutdown(): void {
    this.subscriber.unsubscribe(CHANNEL);
  }

  override async announce(sessionIds: readonly string[]): Promise<void> {
    // The first message is written before sockets are closed here: with thousands of them the other nodes would wait.
    const news = announcedHere();
    const told = this.#notifyOthersOfAll(sessionIds);
    this.notifyHere(sessionIds, news);
    await told;
  }

  override async announceViewer(revoked: RevokedViewer): Promise<void> {
    const news = announcedHere();
    const told = this.#notifyOthers([revoked]);
    this.notifyViewerHere(revoked, news);
    await told;
  }

  async #notifyOthersOfAll(sessionIds: readonly string[]): Promise<void> {
    for (let from = 0; from < sessionIds.length; from += REVOCATIONS_PER_MESSAGE) {
      if (!(await this.#notifyOthers(sessionIds.slice(from, from + REVOCATIONS_PER_MESSAGE)))) return;
    }
  }

  async #notifyOthers(ended: readonly (string | RevokedViewer)[]): Promise<boolean> {
    const message = writeRevocations(ended, this.redis.nowMs, this.#node);
    try {
      await this.redis.run(
        (client) =>
          this.redis.link.shardedPubSub ? client.spublish(CHANNEL, message) : client.publish(CHANNEL, message),
        'revocation',
      );
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      this.logger.warn(
        { sessions: ended.length, reason },
        'other nodes could not be told of ended sessions: they will ask',
      );
      return false;
    }
  }

  #hear(message: string): void {
    const { sessionIds, viewers, news } = readRevocations(message, this.redis.nowMs, this.#node);
    this.notifyHere(sessionIds, news);
    viewers.forEach((revoked) => this.notifyViewerHere(revoked, news));
  }
}
