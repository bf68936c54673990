import { Injectable } from '@nestjs/common';
import { and, asc, eq, gt, lte } from 'drizzle-orm';
import { Database } from '../database/database.js';
import { invitations, isUuid } from '../database/schema.js';

/** An invitation as it is known: never its code. */
export interface Invitation {
  readonly id: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

const KNOWN = { id: invitations.id, createdAt: invitations.createdAt, expiresAt: invitations.expiresAt };

/** The rows of invitations; one that is used is deleted with the account's insertion. Throws UnavailableError when the database is unavailable. */
@Injectable()
export class InvitationStore {
  constructor(private readonly database: Database) {}

  /** Adds an invitation. */
  async add(invitation: Invitation, codeHash: string): Promise<void> {
    await this.database.run((orm) => orm.insert(invitations).values({ ...invitation, codeHash }));
  }

  /** Whether an invitation with this hash is there and has not expired. Uses nothing up. */
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

  /** Removes one; false when it is not there, and for text that is no id. */
  async remove(id: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    const rows = await this.database.run((orm) =>
      orm.delete(invitations).where(eq(invitations.id, id)).returning({ id: invitations.id }),
    );
    return rows.length > 0;
  }

  /** Removes those that have expired. */
  async removeExpired(now: Date): Promise<void> {
    await this.database.run((orm) => orm.delete(invitations).where(lte(invitations.expiresAt, now)));
  }
}
