import { TokenReplayStore } from '../../tokens/token-replay.store.js';
import type { PostgresConnection } from './postgres.connection.js';

/** A clock that is set back, or another node's clock, may accept the token for longer than this node's. */
const CLOCK_SLACK_SECONDS = 5 * 60;
const CLAIM = `
insert into sallyport.used_token (id, keep_until) values ($1, clock_timestamp() + $2 * interval '1 second')
on conflict (id) do nothing`;

/** Used tokens of all nodes of one PostgreSQL; they survive a restart. The primary key decides who gets a token. */
export class PostgresTokenReplayStore extends TokenReplayStore {
  constructor(private readonly postgres: PostgresConnection) {
    super();
  }

  override async claim(tokenId: string, expiresAtSeconds: number): Promise<boolean> {
    const seconds = Math.max(1, expiresAtSeconds - Math.floor(Date.now() / 1000) + CLOCK_SLACK_SECONDS);
    return (await this.postgres.change(CLAIM, [tokenId, seconds])) === 1;
  }
}
