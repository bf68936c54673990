import type { RedisConnection } from './redis.connection.js';
import { rememberSeconds, TokenReplayStore } from '../../tokens/token-replay.store.js';

/** Used tokens of all nodes of one Redis. `SET NX` decides, so of two nodes one gets the token. */
export class RedisTokenReplayStore extends TokenReplayStore {
  constructor(private readonly redis: RedisConnection) {
    super();
  }

  override async claim(tokenId: string, expiresAtSeconds: number): Promise<boolean> {
    const key = `sallyport:used-token:${tokenId}`;
    const seconds = rememberSeconds(expiresAtSeconds);
    return (await this.redis.run((client) => client.set(key, '', 'EX', seconds, 'NX'), 'token')) === 'OK';
  }
}
