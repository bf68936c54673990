import { Injectable } from '@nestjs/common';
import { and, desc, eq, gt, inArray, lte, or, sql } from 'drizzle-orm';
import { Database, type Orm } from '../../identity/database/database.js';
import { apiKeys, consoleSessions } from '../../identity/database/schema.js';
import { type ApiKey, withScopes } from '../../identity/api-keys/api-key.store.js';

/** A console session ends after this time, however much it is used: a working day (OWASP: 4 to 8 hours). */
export const CONSOLE_SESSION_SECONDS = 8 * 60 * 60;
/** It ends after this time without use. */
export const CONSOLE_IDLE_SECONDS = 30 * 60;
/** The most sessions of one key; one more ends the oldest. */
const MAX_SESSIONS_OF_KEY = 10;

/** A session to open. */
export interface NewConsoleSession {
  readonly id: string;
  readonly secretHash: string;
  readonly keyId: string;
}

/** A session that was ended, and the name of its key. */
interface EndedConsoleSession {
  readonly id: string;
  readonly keyName: string;
}

/** When a session was opened, and the presented one, which it has ended; null if none was valid. */
export interface OpenedConsoleSession {
  readonly openedAt: Date;
  readonly ended: EndedConsoleSession | null;
}

/** A valid session and its key, as the key is now. */
export interface StoredConsoleSession {
  readonly id: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly key: ApiKey;
}

/**
 * Console sessions in the database. Each is read together with its key, so a revoked or changed key counts at once, on
 * every node. Each method throws `UnavailableError` when the database is unavailable.
 */
@Injectable()
export class ConsoleSessionStore {
  constructor(private readonly database: Database) {}

  /**
   * Opens a session, ends the one that the request presented, and removes expired ones. Returns null if the key was
   * revoked meanwhile.
   *
   * @param presentedHash the hash of the presented secret; null without one
   */
  open(session: NewConsoleSession, presentedHash: string | null): Promise<OpenedConsoleSession | null> {
    return this.database.transaction(async (orm) => {
      const [key] = await orm
        .select({ id: apiKeys.id })
        .from(apiKeys)
        .where(eq(apiKeys.id, session.keyId))
        .for('update');
      if (!key) return null;
      const { createdAt, lastUsedAt } = consoleSessions;
      // By the clock of the database: a node whose own clock is wrong does not end the sessions of all nodes.
      const isIdle = lte(lastUsedAt, sql`now() - ${CONSOLE_IDLE_SECONDS} * interval '1 s'`);
      const isOver = lte(createdAt, sql`now() - ${CONSOLE_SESSION_SECONDS} * interval '1 s'`);
      await orm.delete(consoleSessions).where(or(isIdle, isOver));
      const ended = presentedHash === null ? null : await endPresented(orm, presentedHash);
      await orm.delete(consoleSessions).where(inArray(consoleSessions.id, surplusOf(orm, session.keyId)));
      const openedAt = new Date();
      await orm.insert(consoleSessions).values({ ...session, createdAt: openedAt, lastUsedAt: openedAt });
      return { openedAt, ended };
    });
  }

  /** The valid session with this secret. Whether its key may still be used is not checked. */
  async find(secretHash: string): Promise<StoredConsoleSession | null> {
    const { idle, absolute } = oldest();
    const { id, createdAt, lastUsedAt } = consoleSessions;
    const isValid = and(gt(lastUsedAt, idle), gt(createdAt, absolute));
    const [row] = await this.database.run((orm) =>
      orm
        .select({ id, createdAt, lastUsedAt, key: apiKeys })
        .from(consoleSessions)
        .innerJoin(apiKeys, eq(apiKeys.id, consoleSessions.keyId))
        .where(and(eq(consoleSessions.secretHash, secretHash), isValid)),
    );
    if (!row) return null;
    const { secretHash: _, ...key } = row.key;
    return { ...row, key: withScopes(key) };
  }

  /** Records a use. Never revives a session. */
  async touch(id: string): Promise<void> {
    await this.database.run((orm) =>
      orm.update(consoleSessions).set({ lastUsedAt: new Date() }).where(eq(consoleSessions.id, id)),
    );
  }

  /** Ends a session. */
  async end(id: string): Promise<void> {
    await this.database.run((orm) => orm.delete(consoleSessions).where(eq(consoleSessions.id, id)));
  }
}

async function endPresented(orm: Orm, secretHash: string): Promise<EndedConsoleSession | null> {
  const { id, keyId } = consoleSessions;
  const [ended] = await orm
    .delete(consoleSessions)
    .where(eq(consoleSessions.secretHash, secretHash))
    .returning({ id, keyId });
  if (!ended) return null;
  const [key] = await orm.select({ name: apiKeys.name }).from(apiKeys).where(eq(apiKeys.id, ended.keyId));
  return key ? { id: ended.id, keyName: key.name } : null;
}

/** The sessions of a key that leave no room for one more. */
function surplusOf(orm: Orm, ofKey: string) {
  const { id, keyId, createdAt } = consoleSessions;
  return orm
    .select({ id })
    .from(consoleSessions)
    .where(eq(keyId, ofKey))
    .orderBy(desc(createdAt), desc(id))
    .offset(MAX_SESSIONS_OF_KEY - 1);
}

/** The earliest last use and opening of a valid session. */
function oldest(): { readonly idle: Date; readonly absolute: Date } {
  const nowMs = Date.now();
  return {
    idle: new Date(nowMs - CONSOLE_IDLE_SECONDS * 1000),
    absolute: new Date(nowMs - CONSOLE_SESSION_SECONDS * 1000),
  };
}
