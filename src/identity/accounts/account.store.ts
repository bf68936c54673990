import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { and, eq, gt } from 'drizzle-orm';
import { Database, type Orm } from '../database/database.js';
import { invitations, users } from '../database/schema.js';
import { type AccountRow, type ListedAccount, OWN_COLUMNS } from './account.js';

/**
 * Accounts in the database. E-mails must be normalised. Every method throws UnavailableError when the database is
 * unavailable.
 */
@Injectable()
export class AccountStore {
  constructor(private readonly database: Database) {}

  /** Adds an account; null if the e-mail is taken, also by a concurrent registration. */
  async add(email: string, passwordHash: string): Promise<AccountRow | null> {
    const [added] = await this.database.run((orm) => insert(orm, email, passwordHash, new Date()));
    return added ?? null;
  }

  /**
   * Adds an account and deletes its invitation, atomically: of two requests with the same code one succeeds.
   *
   * @param codeHash of the invitation
   */
  addInvited(email: string, passwordHash: string, codeHash: string): Promise<AccountRow | 'taken' | 'no-invitation'> {
    return this.database.transaction(async (orm) => {
      const now = new Date();
      const open = and(eq(invitations.codeHash, codeHash), gt(invitations.expiresAt, now));
      const [invitation] = await orm.select({ id: invitations.id }).from(invitations).where(open).for('update');
      if (!invitation) return 'no-invitation';
      const [added] = await insert(orm, email, passwordHash, now);
      if (!added) return 'taken';
      await orm.delete(invitations).where(eq(invitations.id, invitation.id));
      return added;
    });
  }

  /** The account with this e-mail, disabled ones included. */
  async findByEmail(email: string): Promise<AccountRow | null> {
    const rows = await this.database.run((orm) => orm.select().from(users).where(eq(users.email, email)));
    return rows[0] ?? null;
  }

  /** The account with this id, disabled ones included. */
  async findById(userId: string): Promise<AccountRow | null> {
    const rows = await this.database.run((orm) => orm.select().from(users).where(eq(users.id, userId)));
    return rows[0] ?? null;
  }

  /** Accounts by e-mail, after this one, at most `limit`. */
  list(after: string, limit: number): Promise<readonly ListedAccount[]> {
    const columns = { ...OWN_COLUMNS, disabledAt: users.disabledAt };
    return this.database.run((orm) =>
      orm.select(columns).from(users).where(gt(users.email, after)).orderBy(users.email).limit(limit),
    );
  }

  /** Replaces an older hash of the same password; returns whether it was still stored. */
  async replaceHash(userId: string, older: string, newer: string): Promise<boolean> {
    const unchanged = and(eq(users.id, userId), eq(users.passwordHash, older));
    const rows = await this.database.run((orm) =>
      orm.update(users).set({ passwordHash: newer }).where(unchanged).returning({ id: users.id }),
    );
    return rows.length > 0;
  }
}

/** Returns the row, or none if the e-mail is taken. */
function insert(orm: Orm, email: string, passwordHash: string, createdAt: Date) {
  return orm
    .insert(users)
    .values({ id: randomUUID(), email, passwordHash, createdAt })
    .onConflictDoNothing({ target: users.email })
    .returning();
}
