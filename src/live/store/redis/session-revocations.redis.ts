import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import type { RedisConnection } from './redis.connection.js';
import type { RedisSubscriber } from './redis.subscriber.js';
import { SessionRevocations } from '../../sessions/session-revocations.js';

const CHANNEL = 'sallyport:session-endings';
/** Ids in one message: some 40 KB, which no subscriber's buffer minds. */
const BATCH = 1_000;
const MAX_ID_LENGTH = 200;

/**
 * Endings over all nodes of one Redis. The message goes out before the announcement resolves, on the channel connection
 * that carries events too: on every node it arrives before whatever is published after the answer.
 * (On a cluster channels have shards of their own, and only the time of one message lies between.)
 */
export class RedisSessionRevocations extends SessionRevocations implements OnModuleInit, OnApplicationShutdown {
  #leave: () => void = () => {};

  constructor(
    private readonly redis: RedisConnection,
    private readonly subscriber: RedisSubscriber,
    private readonly logger: Logger,
  ) {
    super();
  }

  async onModuleInit(): Promise<void> {
    this.#leave = await this.subscriber.subscribe(CHANNEL, (message) => this.tellHere(readIds(message)));
  }

  onApplicationShutdown(): void {
    this.#leave();
  }

  override async announce(sessionIds: readonly string[]): Promise<void> {
    this.tellHere(sessionIds);
    try {
      for (let from = 0; from < sessionIds.length; from += BATCH) {
        const message = JSON.stringify(sessionIds.slice(from, from + BATCH));
        await this.redis.run((client) =>
          this.redis.link.shardedPubSub ? client.spublish(CHANNEL, message) : client.publish(CHANNEL, message),
        );
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      this.logger.warn(
        { sessions: sessionIds.length, reason },
        'other nodes could not be told of ended sessions: they will ask',
      );
    }
  }
}

/** Whoever can write to Redis can end sockets; anything but a list of ids is nothing. */
function readIds(message: string): string[] {
  try {
    const ids: unknown = JSON.parse(message);
    return Array.isArray(ids)
      ? ids.filter((id): id is string => typeof id === 'string' && id.length <= MAX_ID_LENGTH)
      : [];
  } catch {
    return [];
  }
}
