import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { SharedSessionRevocations } from '../session-revocations.shared.js';
import { startErrorOf } from './open-redis.js';
import { reasonOf } from './redis-failure.js';
import type { RedisConnection } from './redis.connection.js';
import type { RedisSubscriber } from './redis.subscriber.js';
import { channelSuffix } from './topic-keys.js';

/** In the first database; see {@link channelSuffix}. */
const CHANNEL = 'sallyport:session-endings';

/**
 * Revocations over all nodes of one Redis, on the connection that also carries events. (On a cluster channels belong to
 * different shards, so an event may arrive before a revocation by the time of one message.)
 */
export class RedisSessionRevocations extends SharedSessionRevocations implements OnModuleInit, OnApplicationShutdown {
  readonly #channel: string;

  constructor(
    private readonly redis: RedisConnection,
    private readonly subscriber: RedisSubscriber,
    logger: Logger,
  ) {
    super(logger);
    // Nodes of 0.1.0 know only the name without a suffix.
    this.#channel = redis.database === 0 ? CHANNEL : CHANNEL + channelSuffix(redis.database);
  }

  /** @throws StartError when Redis does not answer, or its user has no right to the channel */
  async onModuleInit(): Promise<void> {
    try {
      await this.subscriber.subscribe(this.#channel, { receive: (message) => this.receive(message) });
    } catch (error) {
      throw startErrorOf(reasonOf(error instanceof UnavailableError ? error.cause : error), this.redis.link);
    }
  }

  onApplicationShutdown(): void {
    this.subscriber.unsubscribe(this.#channel);
  }

  protected override get nowMs(): number {
    return this.redis.nowMs;
  }

  protected override send(message: string): Promise<unknown> {
    const { shardedPubSub } = this.redis.link;
    return this.redis.run(
      (client) => (shardedPubSub ? client.spublish(this.#channel, message) : client.publish(this.#channel, message)),
      'revocation',
    );
  }
}
