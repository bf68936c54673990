import { Injectable } from '@nestjs/common';
import { and, asc, eq, gt, lte, sql } from 'drizzle-orm';
import { Database } from '../database/database.js';
import { invitations, isUuid } from '../database/schema.js';

/** An invitation without its code. */
export interface Invitation {
  readonly id: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

const KNOWN = { id: invitations.id, createdAt: invitations.createdAt, expiresAt: invitations.expiresAt };

/**
 * Invitations in the database. A used one is deleted when the account is inserted. Throws UnavailableError when the
 * database is unavailable.
 */
@Injectable()
export class InvitationStore {
  constructor(private readonly database: Database) {}

  /** Adds an invitation. */
  async add(invitation: Invitation, codeHash: string): Promise<void> {
    await this.database.run((orm) => orm.insert(invitations).values({ ...invitation, codeHash }));
  }

  /** Whether an unexpired invitation with this hash exists. Does not use it up. */
  async isOpen(codeHash: string, now: Date): Promise<boolean> {
    const open = and(eq(invitations.codeHash, codeHash), gt(invitations.expiresAt, now));
    const rows = await this.database.run((orm) => orm.select({ id: invitations.id }).from(invitations).where(open));
    return rows.length > 0;
  }

  /** Those that have not expired, the oldest first. */
  list(now: Date): Promise<readonly Invitation[]> {
    return this.database.run((orm) =>
      orm.select(KNOWN).from(invitations).where(gt(invitations.expiresAt, now)).orderBy(asc(invitations.createdAt)),
    );
  }

  /** Removes one; false if it does not exist, and for text that is not an id. */
  async remove(id: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    const rows = await this.database.run((orm) =>
      orm.delete(invitations).where(eq(invitations.id, id)).returning({ id: invitations.id }),
    );
    return rows.length > 0;
  }

  /** Removes those that have expired by the clock of the database, not of one node. */
  async removeExpired(): Promise<void> {
    await this.database.run((orm) => orm.delete(invitations).where(lte(invitations.expiresAt, sql`now()`)));
  }
}
