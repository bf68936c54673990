import { randomBytes, randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Stores } from './command.js';
import { PasswordHasher } from '../../identity/accounts/password.hasher.js';
import { generateSessionSecret, sessionSecretHash } from '../../identity/sessions/session-cookie.js';
import { TokenService } from '../../live/tokens/token.service.js';
import { Database, type Orm } from '../../identity/database/database.js';
import { accountViewer, type AccountViewer } from '../../identity/sessions/account-viewer.js';

const BATCH = 5_000;

/** What a load test needs for one account. */
export interface SeededAccount {
  readonly viewerId: string;
  readonly token: string;
}

/**
 * Creates accounts with one session each, and signs their tokens when all are created, so that all are valid for the
 * same time. They share one random password that is not revealed.
 */
export async function seedAccounts(stores: Stores, count: number, ttlSeconds: number): Promise<SeededAccount[]> {
  const passwordHash = await stores.get(PasswordHasher).hash(randomBytes(32).toString('base64url'));
  const viewers = Array.from({ length: count }, () => accountViewer(randomUUID(), randomUUID()));
  for (let from = 0; from < count; from += BATCH) {
    await stores.get(Database).transaction((orm) => addBatch(orm, viewers.slice(from, from + BATCH), passwordHash));
  }
  const tokens = stores.get(TokenService);
  return viewers.map((viewer) => ({ viewerId: viewer.id, token: tokens.sign(viewer, ttlSeconds).token }));
}

/**
 * Two statements with one JSON parameter each, because thousands of separate parameters take the embedded database
 * seconds.
 */
async function addBatch(orm: Orm, viewers: readonly AccountViewer[], passwordHash: string): Promise<void> {
  const rows = viewers.map(({ userId, sessionId }) => ({
    user_id: userId,
    session_id: sessionId,
    secret_hash: sessionSecretHash(generateSessionSecret()),
  }));
  const rowset = sql`json_to_recordset(${JSON.stringify(rows)}::json) as account(user_id uuid, session_id uuid, secret_hash text)`;
  const now = new Date().toISOString();
  await orm.execute(sql`
    insert into users (id, email, password_hash, created_at)
    select user_id, user_id || '@seed.invalid', ${passwordHash}, ${now}::timestamptz from ${rowset}`);
  await orm.execute(sql`
    insert into sessions (id, user_id, secret_hash, created_at, last_seen_at)
    select session_id, user_id, secret_hash, ${now}::timestamptz, ${now}::timestamptz from ${rowset}`);
}
