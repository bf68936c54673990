import { Injectable } from '@nestjs/common';
import { asc, eq } from 'drizzle-orm';
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
}

const KNOWN = { id: apiKeys.id, name: apiKeys.name, createdAt: apiKeys.createdAt, scopes: apiKeys.scopes };

/** API keys in the database. Each method throws `UnavailableError` when the database is unavailable. */
@Injectable()
export class ApiKeyStore {
  constructor(private readonly database: Database) {}

  /** Adds a key; false if its name or its hash already exists. */
  async add(key: ApiKey, secretHash: string): Promise<boolean> {
    const rows = await this.database.run((orm) =>
      orm
        .insert(apiKeys)
        .values({ ...key, scopes: [...key.scopes], secretHash })
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

  /** All keys, sorted by name. */
  async list(): Promise<readonly ApiKey[]> {
    const rows = await this.database.run((orm) => orm.select(KNOWN).from(apiKeys).orderBy(asc(apiKeys.name)));
    return rows.map(withScopes);
  }

  /** Removes the key with this name; false if there is none. */
  async remove(name: string): Promise<boolean> {
    const rows = await this.database.run((orm) => orm.delete(apiKeys).where(eq(apiKeys.name, name)).returning(KNOWN));
    return rows.length > 0;
  }
}

function withScopes(row: Omit<ApiKey, 'scopes'> & { readonly scopes: readonly ApiKeyScope[] | null }): ApiKey {
  return { ...row, scopes: row.scopes ?? DEFAULT_SCOPES };
}
