import { Injectable } from '@nestjs/common';
import { and, eq, isNull, ne } from 'drizzle-orm';
import { Database, type Orm } from '../database/database.js';
import { sessions, users } from '../database/schema.js';
import { InvalidCredentialsError, UnauthenticatedError } from '../../live/errors/sallyport.errors.js';
import type { AccountViewer } from './account-viewer.js';

/** A password change, verified and hashed. */
export interface PasswordChange {
  /** The hash that the current password was verified against. */
  readonly from: string;
  readonly to: string;
  /** The hash of the remaining session's new secret. */
  readonly secretHash: string;
}

/**
 * Changes that end sessions, each in one transaction. Each locks the account's row first, as opening a session does: so
 * none waits for another in a circle, a concurrent sign-in is either ended here or comes after the change, and of several
 * equal requests one succeeds. Methods that end sessions return their ids.
 *
 * Changes by the owner require a session that is still valid once the lock is held, otherwise UnauthenticatedError.
 */
@Injectable()
export class AccountChangesStore {
  constructor(private readonly database: Database) {}

  /** Disables an account and ends all its sessions. */
  disable(userId: string): Promise<readonly string[]> {
    return this.database.transaction(async (orm) => {
      await orm.update(users).set({ disabledAt: new Date() }).where(eq(users.id, userId));
      return endAll(orm, userId);
    });
  }

  /** Enables an account again. */
  async enable(userId: string): Promise<void> {
    await this.database.run((orm) => orm.update(users).set({ disabledAt: null }).where(eq(users.id, userId)));
  }

  /** Ends all sessions of an account; none for an unknown one. */
  endAll(userId: string): Promise<readonly string[]> {
    return this.database.transaction(async (orm) => {
      await orm.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('no key update');
      return endAll(orm, userId);
    });
  }

  /** Ends one of the viewer's sessions; none if it belongs to another account or is unknown. */
  endOwn(viewer: AccountViewer, sessionId: string): Promise<readonly string[]> {
    return this.#asOwner(viewer, async (orm) => {
      const own = and(eq(sessions.id, sessionId), eq(sessions.userId, viewer.userId));
      return idsOf(await orm.delete(sessions).where(own).returning({ id: sessions.id }));
    });
  }

  /** Ends all sessions of the viewer except the current one. */
  endOthers(viewer: AccountViewer): Promise<readonly string[]> {
    return this.#asOwner(viewer, (orm) => endAll(orm, viewer.userId, viewer.sessionId));
  }

  /**
   * Changes the password, ends all other sessions, and gives this one a new secret, so that a stolen cookie becomes
   * useless.
   *
   * @throws InvalidCredentialsError when the password has changed since it was verified
   */
  changePassword(viewer: AccountViewer, change: PasswordChange): Promise<readonly string[]> {
    return this.#asOwner(viewer, async (orm, passwordHash) => {
      if (passwordHash !== change.from) throw new InvalidCredentialsError('The password is wrong.');
      await orm.update(users).set({ passwordHash: change.to }).where(eq(users.id, viewer.userId));
      await orm.update(sessions).set({ secretHash: change.secretHash }).where(eq(sessions.id, viewer.sessionId));
      return endAll(orm, viewer.userId, viewer.sessionId);
    });
  }

  /**
   * Deletes the account and all its data.
   *
   * @throws InvalidCredentialsError when the password has changed since it was verified
   */
  delete(viewer: AccountViewer, verifiedHash: string): Promise<readonly string[]> {
    return this.#asOwner(viewer, async (orm, passwordHash) => {
      if (passwordHash !== verifiedHash) throw new InvalidCredentialsError('The password is wrong.');
      const ended = await endAll(orm, viewer.userId);
      await orm.delete(users).where(eq(users.id, viewer.userId));
      return ended;
    });
  }

  #asOwner<T>(viewer: AccountViewer, work: (orm: Orm, passwordHash: string) => Promise<T>): Promise<T> {
    return this.database.transaction(async (orm) => {
      const [owner] = await orm
        .select({ passwordHash: users.passwordHash })
        .from(users)
        .where(and(eq(users.id, viewer.userId), isNull(users.disabledAt)))
        .for('no key update');
      const [session] = await orm
        .select({ id: sessions.id })
        .from(sessions)
        .where(and(eq(sessions.id, viewer.sessionId), eq(sessions.userId, viewer.userId)))
        .for('update');
      if (!owner || !session) throw new UnauthenticatedError();
      return work(orm, owner.passwordHash);
    });
  }
}

async function endAll(orm: Orm, userId: string, exceptId: string | null = null): Promise<string[]> {
  const others = exceptId === null ? undefined : ne(sessions.id, exceptId);
  const condition = and(eq(sessions.userId, userId), others);
  return idsOf(await orm.delete(sessions).where(condition).returning({ id: sessions.id }));
}

function idsOf(rows: readonly { readonly id: string }[]): string[] {
  return rows.map((row) => row.id);
}
