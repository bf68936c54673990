import { rememberSeconds, TokenReplayStore } from '../../tokens/token-replay.store.js';
import type { PostgresConnection } from './postgres.connection.js';

const CLAIM = `
insert into sallyport.used_token (id, keep_until) values ($1, clock_timestamp() + $2 * interval '1 second')
on conflict (id) do nothing`;

/** Used tokens of all nodes of one PostgreSQL; they survive a restart. The primary key decides who gets a token. */
export class PostgresTokenReplayStore extends TokenReplayStore {
  constructor(private readonly postgres: PostgresConnection) {
    super();
  }

  override async claim(tokenId: string, expiresAtSeconds: number): Promise<boolean> {
    return (await this.postgres.change(CLAIM, [tokenId, rememberSeconds(expiresAtSeconds)])) === 1;
  }
}
