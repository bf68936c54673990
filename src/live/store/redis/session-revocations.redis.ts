import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import { SharedSessionRevocations } from '../session-revocations.shared.js';
import type { RedisConnection } from './redis.connection.js';
import type { RedisSubscriber } from './redis.subscriber.js';

const CHANNEL = 'sallyport:session-endings';

/**
 * Revocations over all nodes of one Redis, on the connection that also carries events. (On a cluster channels belong to
 * different shards, so an event may arrive before a revocation by the time of one message.)
 */
export class RedisSessionRevocations extends SharedSessionRevocations implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly redis: RedisConnection,
    private readonly subscriber: RedisSubscriber,
    logger: Logger,
  ) {
    super(logger);
  }

  async onModuleInit(): Promise<void> {
    await this.subscriber.subscribe(CHANNEL, { receive: (message) => this.receive(message) });
  }

  onApplicationShutdown(): void {
    this.subscriber.unsubscribe(CHANNEL);
  }

  protected override get nowMs(): number {
    return this.redis.nowMs;
  }

  protected override send(message: string): Promise<unknown> {
    const { shardedPubSub } = this.redis.link;
    return this.redis.run(
      (client) => (shardedPubSub ? client.spublish(CHANNEL, message) : client.publish(CHANNEL, message)),
      'revocation',
    );
  }
}
