import { sql } from 'drizzle-orm';
import { bigint, bigserial, index, integer, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';

const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** Accounts. The e-mail is stored normalised, so uniqueness is plain text equality. */
export const users = pgTable('users', {
  id: uuid('id').primaryKey(),
  email: text('email').notNull().unique(),
  /** The whole PHC string of argon2id: parameters, salt and hash. */
  passwordHash: text('password_hash').notNull(),
  createdAt: instant('created_at').notNull(),
  /** Set while the account is disabled: it cannot sign in and has no sessions. */
  disabledAt: instant('disabled_at'),
});

/**
 * Open sessions. Ending one deletes its row, so an ended session looks like one that never existed. Idle and absolute
 * expiry follow from the two times and the current configuration.
 */
export const sessions = pgTable(
  'sessions',
  {
    /** The public id: in lists, and in tokens as `sid`. It grants no access. */
    id: uuid('id').primaryKey(),
    /** SHA-256 of the cookie's value, base64url. The value itself is not stored. */
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

/** Keys of other backends. Deleting the row revokes the key; its sources go to {@link formerSources}. */
export const apiKeys = pgTable('api_keys', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull().unique(),
  /** SHA-256 of the key, base64url. */
  secretHash: text('secret_hash').notNull().unique(),
  createdAt: instant('created_at').notNull(),
  /** The key's scopes. Null for a key of 0.1.0, which may publish. */
  scopes: text('scopes').array(),
  /** When the key stops working. Null: never. */
  expiresAt: instant('expires_at'),
  /** The addresses and ranges that may use the key. Null: every address. */
  addresses: text('addresses').array(),
  /** When the key was last used, to about a minute. Null: never. */
  lastUsedAt: instant('last_used_at'),
});

/** The sources of revoked keys, whose tokens and sockets may outlive them. Bounded. */
export const formerSources = pgTable('former_sources', {
  source: text('source').primaryKey(),
  /** When the last of its keys so far was revoked. */
  revokedAt: instant('revoked_at').notNull(),
});

/** Invitations to create an account. An invitation is deleted when it is used. */
export const invitations = pgTable('invitations', {
  id: uuid('id').primaryKey(),
  /** SHA-256 of the code, base64url. */
  codeHash: text('code_hash').notNull().unique(),
  createdAt: instant('created_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
});

/** Audit events, for as long as `AUDIT_RETENTION_DAYS` says. */
export const auditEvents = pgTable(
  'audit_events',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: instant('at').notNull(),
    event: text('event').notNull(),
    viewer: text('viewer'),
    address: text('address'),
    reason: text('reason'),
    by: text('by').notNull(),
    /** The other fields of the event. */
    details: jsonb('details').notNull(),
  },
  (table) => [index('audit_events_at').on(table.at), index('audit_events_viewer').on(table.viewer, table.id)],
);

/** The viewers for whom `viewer.online` was the last webhook. Used only with `WEBHOOK_URL`. */
export const announcedViewers = pgTable(
  'announced_viewers',
  {
    viewer: text('viewer').primaryKey(),
    /** When the viewer's last socket of a node closed; null while nothing suggests that the viewer is gone. */
    leftAt: instant('left_at'),
  },
  (table) => [
    index('announced_viewers_left_at')
      .on(table.leftAt)
      .where(sql`left_at is not null`),
  ],
);

/** Webhooks that are not delivered yet, and those that never could be. */
export const webhookMessages = pgTable(
  'webhook_messages',
  {
    /** The order of what happened. */
    seq: bigserial('seq', { mode: 'number' }).primaryKey(),
    /** The receiver's idempotency key: the same for each attempt. */
    id: uuid('id').notNull(),
    type: text('type').notNull(),
    viewer: text('viewer').notNull(),
    createdAt: instant('created_at').notNull(),
    attempts: integer('attempts').notNull().default(0),
    nextAttemptAt: instant('next_attempt_at').notNull(),
    /** Set when the last attempt has failed: the message is kept for operators. */
    failedAt: instant('failed_at'),
    /** Why the last attempt failed: a status or an error's code. */
    failure: text('failure'),
  },
  (table) => [
    index('webhook_messages_next_attempt_at')
      .on(table.nextAttemptAt)
      .where(sql`failed_at is null`),
    index('webhook_messages_viewer_seq').on(table.viewer, table.seq),
  ],
);

/** Operators' sessions of the console. Ending one, or revoking its key, deletes its row. */
export const consoleSessions = pgTable(
  'console_sessions',
  {
    id: uuid('id').primaryKey(),
    /** SHA-256 of the cookie's value, base64url. */
    secretHash: text('secret_hash').notNull().unique(),
    /** The key that opened it: what the operator may do. */
    keyId: uuid('key_id')
      .notNull()
      .references(() => apiKeys.id, { onDelete: 'cascade' }),
    createdAt: instant('created_at').notNull(),
    lastUsedAt: instant('last_used_at').notNull(),
  },
  (table) => [index('console_sessions_key_id').on(table.keyId)],
);

/** What each node does, while an operator watches. A row that is no longer written is of a node that has ended. */
export const consoleNodes = pgTable('console_nodes', {
  node: uuid('node').primaryKey(),
  /** When it was written, by the database's clock. */
  at: instant('at').notNull(),
  /** When an operator last asked this node; null: never. */
  askedAt: instant('asked_at'),
  report: jsonb('report').notNull(),
});

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether text from outside can be the id of a row; PostgreSQL throws for other text. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
