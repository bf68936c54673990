import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { and, eq, gt } from 'drizzle-orm';
import { Database } from '../database/database.js';
import { invitations, users } from '../database/schema.js';
import type { VerifiedAccount } from './account.js';

/** An account's row. */
export interface AccountRow extends VerifiedAccount {
  readonly disabledAt: Date | null;
}

/** Accounts in the database. E-mails come normalised. Every method throws UnavailableError when the database is away. */
@Injectable()
export class AccountStore {
  constructor(private readonly database: Database) {}

  /** Adds an account; null when the e-mail is taken, also by somebody who registers at this very moment. */
  async add(email: string, passwordHash: string): Promise<AccountRow | null> {
    const row = { id: randomUUID(), email, passwordHash, createdAt: new Date(), disabledAt: null };
    const added = await this.database.run((orm) =>
      orm.insert(users).values(row).onConflictDoNothing({ target: users.email }).returning({ id: users.id }),
    );
    return added.length > 0 ? row : null;
  }

  /**
   * Adds an account and uses an invitation up, both or neither: of two who show the same code one gets in.
   *
   * @param codeHash of the invitation
   */
  addInvited(email: string, passwordHash: string, codeHash: string): Promise<AccountRow | 'taken' | 'no-invitation'> {
    return this.database.transaction(async (orm) => {
      const now = new Date();
      const open = and(eq(invitations.codeHash, codeHash), gt(invitations.expiresAt, now));
      const [invitation] = await orm.select({ id: invitations.id }).from(invitations).where(open).for('update');
      if (!invitation) return 'no-invitation';
      const row = { id: randomUUID(), email, passwordHash, createdAt: now, disabledAt: null };
      const added = await orm
        .insert(users)
        .values(row)
        .onConflictDoNothing({ target: users.email })
        .returning({ id: users.id });
      if (added.length === 0) return 'taken';
      await orm.delete(invitations).where(eq(invitations.id, invitation.id));
      return row;
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

  /** Puts a hash of the same password in place of an older one; tells whether that one was still there. */
  async replaceHash(userId: string, older: string, newer: string): Promise<boolean> {
    const unchanged = and(eq(users.id, userId), eq(users.passwordHash, older));
    const rows = await this.database.run((orm) =>
      orm.update(users).set({ passwordHash: newer }).where(unchanged).returning({ id: users.id }),
    );
    return rows.length > 0;
  }
}
