import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import type { RedisConnection } from './redis.connection.js';
import type { RedisSubscriber } from './redis.subscriber.js';
import { type RevokedViewer, SessionRevocations } from '../../sessions/session-revocations.js';
import { parseViewerId } from '../../viewer/viewer.js';

const CHANNEL = 'sallyport:session-endings';
/** Ids in one message: about 40 KB, well within subscribers' buffer limits. */
const BATCH = 1_000;
/** The length of an outside session id of 200 encoded bytes. */
const MAX_ID_LENGTH = 642;

/**
 * Revocations over all nodes of one Redis. The message is sent before the announcement resolves, on the connection that
 * also carries events, so on every node it arrives before events that are published after the answer. (On a cluster
 * channels belong to different shards, so an event may arrive before it by the time of one message.)
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
    this.#leave = await this.subscriber.subscribe(CHANNEL, (message) => this.#hear(message));
  }

  onApplicationShutdown(): void {
    this.#leave();
  }

  override async announce(sessionIds: readonly string[]): Promise<void> {
    this.tellHere(sessionIds);
    for (let from = 0; from < sessionIds.length; from += BATCH) {
      if (!(await this.#tellOthers(sessionIds.slice(from, from + BATCH)))) return;
    }
  }

  override async announceViewer(revoked: RevokedViewer): Promise<void> {
    this.tellViewerHere(revoked);
    await this.#tellOthers([revoked]);
  }

  async #tellOthers(ended: readonly (string | RevokedViewer)[]): Promise<boolean> {
    const message = JSON.stringify(ended);
    try {
      await this.redis.run((client) =>
        this.redis.link.shardedPubSub ? client.spublish(CHANNEL, message) : client.publish(CHANNEL, message),
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

  /** Anyone who can write to Redis can end sockets; messages with another format are ignored. */
  #hear(message: string): void {
    const items = readList(message);
    this.tellHere(items.filter((id): id is string => typeof id === 'string' && id.length <= MAX_ID_LENGTH));
    items.filter(isRevokedViewer).forEach((revoked) => this.tellViewerHere(revoked));
  }
}

function readList(message: string): readonly unknown[] {
  try {
    const items: unknown = JSON.parse(message);
    return Array.isArray(items) ? items : [];
  } catch {
    return [];
  }
}

function isRevokedViewer(item: unknown): item is RevokedViewer {
  if (typeof item !== 'object' || item === null) return false;
  const { viewer, issuedUntilMs } = item as Partial<RevokedViewer>;
  return parseViewerId(viewer) !== null && typeof issuedUntilMs === 'number';
}
