import { Injectable } from '@nestjs/common';
import { and, eq, ne } from 'drizzle-orm';
import { Database, type Orm } from '../../database/database.js';
import { sessions, users } from '../../database/schema.js';

/**
 * Changes to an account that end sessions with it, in one transaction each: nothing is ever half-done.
 * The account's row is changed before its sessions are ended, so that a sign-in under way either is ended here
 * or finds the account changed. Every method returns the ids of the ended sessions.
 */
@Injectable()
export class AccountChangesStore {
  constructor(private readonly database: Database) {}

  /** Keeps an account from signing in, or lets it again. */
  setDisabled(userId: string, disabled: boolean): Promise<readonly string[]> {
    return this.database.transaction(async (orm) => {
      await orm
        .update(users)
        .set({ disabledAt: disabled ? new Date() : null })
        .where(eq(users.id, userId));
      return disabled ? endAll(orm, userId) : [];
    });
  }

  /** Ends all sessions of an account, or all but one. */
  endSessions(userId: string, exceptId: string | null = null): Promise<readonly string[]> {
    return this.database.run((orm) => endAll(orm, userId, exceptId));
  }
}

async function endAll(orm: Orm, userId: string, exceptId: string | null = null): Promise<string[]> {
  const others = exceptId === null ? undefined : ne(sessions.id, exceptId);
  const rows = await orm
    .delete(sessions)
    .where(and(eq(sessions.userId, userId), others))
    .returning({ id: sessions.id });
  return rows.map((row) => row.id);
}
