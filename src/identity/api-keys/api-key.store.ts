import { Injectable } from '@nestjs/common';
import { and, arrayContains, asc, eq, gt, isNull, lt, or } from 'drizzle-orm';
import { Database } from '../database/database.js';
import { apiKeys } from '../database/schema.js';
import { type ApiKeyScope, DEFAULT_SCOPES } from './api-key-scopes.js';

/** A key without its secret. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  /** Its scopes; never empty. */
  readonly scopes: readonly ApiKeyScope[];
  /** When it stops working; null: never. */
  readonly expiresAt: Date | null;
  /** The addresses and ranges that may use it; null: every address. */
  readonly addresses: readonly string[] | null;
}

/** A key as it is listed. */
export interface ListedApiKey extends ApiKey {
  /** When it was last used, to about a minute; null: never. */
  readonly lastUsedAt: Date | null;
}

const KNOWN = {
  id: apiKeys.id,
  name: apiKeys.name,
  createdAt: apiKeys.createdAt,
  scopes: apiKeys.scopes,
  expiresAt: apiKeys.expiresAt,
  addresses: apiKeys.addresses,
};

const LISTED = { ...KNOWN, lastUsedAt: apiKeys.lastUsedAt };

/** API keys in the database. Each method throws `UnavailableError` when the database is unavailable. */
@Injectable()
export class ApiKeyStore {
  constructor(private readonly database: Database) {}

  /** Adds a key; false if its name or its hash already exists. */
  async add(key: ApiKey, secretHash: string): Promise<boolean> {
    const rows = await this.database.run((orm) =>
      orm
        .insert(apiKeys)
        .values({ ...key, scopes: [...key.scopes], addresses: key.addresses && [...key.addresses], secretHash })
        .onConflictDoNothing()
        .returning(KNOWN),
    );
    return rows.length > 0;
  }

  /** The key with this hash. */
  async find(secretHash: string): Promise<ApiKey | null> {
    const [row] = await this.database.run((orm) =>
      orm.select(KNOWN).from(apiKeys).where(eq(apiKeys.secretHash, secretHash)),
    );
    return row ? withScopes(row) : null;
  }

  /** Whether there is a key with this scope that has not expired. */
  async hasScope(scope: ApiKeyScope): Promise<boolean> {
    const isValid = or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, new Date()));
    const rows = await this.database.run((orm) =>
      orm
        .select({ id: apiKeys.id })
        .from(apiKeys)
        .where(and(arrayContains(apiKeys.scopes, [scope]), isValid))
        .limit(1),
    );
    return rows.length > 0;
  }

  /** All keys, sorted by name. */
  async list(): Promise<readonly ListedApiKey[]> {
    const rows = await this.database.run((orm) => orm.select(LISTED).from(apiKeys).orderBy(asc(apiKeys.name)));
    return rows.map(withScopes);
  }

  /** Keys sorted by name, after this one, at most `limit`. */
  async page(after: string, limit: number): Promise<readonly ListedApiKey[]> {
    const rows = await this.database.run((orm) =>
      orm.select(LISTED).from(apiKeys).where(gt(apiKeys.name, after)).orderBy(asc(apiKeys.name)).limit(limit),
    );
    return rows.map(withScopes);
  }

  /** Records that a key was used, unless a later use is recorded. */
  async use(id: string, usedAt: Date): Promise<void> {
    const isLater = or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, usedAt));
    await this.database.run((orm) =>
      orm
        .update(apiKeys)
        .set({ lastUsedAt: usedAt })
        .where(and(eq(apiKeys.id, id), isLater)),
    );
  }

  /** Removes the key with this name; false if there is none. */
  async remove(name: string): Promise<boolean> {
    const rows = await this.database.run((orm) => orm.delete(apiKeys).where(eq(apiKeys.name, name)).returning(KNOWN));
    return rows.length > 0;
  }
}

/** A row with the scopes of its key: one from before there were scopes has the default ones. */
export function withScopes<T extends { readonly scopes: readonly ApiKeyScope[] | null }>(
  row: T,
): Omit<T, 'scopes'> & Pick<ApiKey, 'scopes'> {
  return { ...row, scopes: row.scopes ?? DEFAULT_SCOPES };
}
