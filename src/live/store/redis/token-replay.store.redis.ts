import type { RedisConnection } from './redis.connection.js';
import { TokenReplayStore } from '../../tokens/token-replay.store.js';

/** A clock that is set back, or another node's clock, may accept the token for longer than this node's. */
const CLOCK_SLACK_SECONDS = 5 * 60;

/** Used tokens of all nodes of one Redis. `SET NX` decides, so of two nodes one gets the token. */
export class RedisTokenReplayStore extends TokenReplayStore {
  constructor(private readonly redis: RedisConnection) {
    super();
  }

  override async claim(tokenId: string, expiresAtSeconds: number): Promise<boolean> {
    const seconds = Math.max(1, expiresAtSeconds - Math.floor(Date.now() / 1000) + CLOCK_SLACK_SECONDS);
    const key = `sallyport:used-token:${tokenId}`;
    return (await this.redis.run((client) => client.set(key, '', 'EX', seconds, 'NX'), 'token')) === 'OK';
  }
}
