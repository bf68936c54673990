import { index, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';

const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** Accounts. The e-mail is stored normalised, so uniqueness is plain text equality. */
export const users = pgTable('users', {
  id: uuid('id').primaryKey(),
  email: text('email').notNull().unique(),
  /** The whole PHC string of argon2id: parameters, salt and hash. */
  passwordHash: text('password_hash').notNull(),
  createdAt: instant('created_at').notNull(),
  /** Set while an operator has disabled the account: it cannot sign in and has no sessions. */
  disabledAt: instant('disabled_at'),
});

/**
 * Live sessions. Ending one deletes its row, so an ended session cannot be told from one that never was.
 * Idle and absolute limits follow from the two instants and today's configuration.
 */
export const sessions = pgTable(
  'sessions',
  {
    /** Public id: in lists, in tokens as `sid`. Opens nothing. */
    id: uuid('id').primaryKey(),
    /** SHA-256 of the cookie's value, base64url. The value itself is nowhere. */
    secretHash: text('secret_hash').notNull().unique(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    createdAt: instant('created_at').notNull(),
    lastSeenAt: instant('last_seen_at').notNull(),
    userAgent: text('user_agent'),
    ip: text('ip'),
  },
  (table) => [
    index('sessions_user_id_created_at').on(table.userId, table.createdAt),
    index('sessions_created_at').on(table.createdAt),
    index('sessions_last_seen_at').on(table.lastSeenAt),
  ],
);

/** Keys of other backends. Deleting the row revokes the key. */
export const apiKeys = pgTable('api_keys', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull().unique(),
  /** SHA-256 of the key, base64url. */
  secretHash: text('secret_hash').notNull().unique(),
  createdAt: instant('created_at').notNull(),
  /** What the key may do. Null for a key of 0.1.0: it may publish. */
  scopes: text('scopes').array(),
});

/** Invitations to create an account. One is deleted when it is used. */
export const invitations = pgTable('invitations', {
  id: uuid('id').primaryKey(),
  /** SHA-256 of the code, base64url. */
  codeHash: text('code_hash').notNull().unique(),
  createdAt: instant('created_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
});

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether text from outside can be the id of a row at all; PostgreSQL throws for any other. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
