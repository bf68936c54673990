import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { eq } from 'drizzle-orm';
import { Database } from '../../database/database.js';
import { users } from '../../database/schema.js';
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

  /** The account with this e-mail, disabled ones included. */
  async findByEmail(email: string): Promise<AccountRow | null> {
    const rows = await this.database.run((orm) => orm.select().from(users).where(eq(users.email, email)));
    return rows[0] ?? null;
  }
}
