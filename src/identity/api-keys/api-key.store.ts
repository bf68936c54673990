import { Injectable } from '@nestjs/common';
import { and, arrayContains, asc, desc, eq, gt, inArray, isNull, lt, or } from 'drizzle-orm';
import { Database, type Orm } from '../database/database.js';
import { apiKeys, formerSources } from '../database/schema.js';
import { type ApiKeyScope, DEFAULT_SCOPES, tokenSources } from './api-key-scopes.js';

/** The most sources of revoked keys; one more replaces the one whose key was revoked first. */
const MAX_FORMER_SOURCES = 100;

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

  /** The sources for which a key may make tokens, or a revoked one could: sockets of its tokens may still be open. */
  async tokenSources(): Promise<readonly string[]> {
    // In this order no source is missed whose key is revoked meanwhile.
    const ofKeys = (await this.list()).flatMap(({ scopes }) => tokenSources(scopes));
    const former = await this.database.run((orm) => orm.select().from(formerSources));
    return [...new Set([...ofKeys, ...former.map(({ source }) => source)])];
  }

  /** Removes the key with this name and keeps its sources; false if there is none. */
  remove(name: string): Promise<boolean> {
    return this.database.transaction(async (orm) => {
      const [key] = await orm.delete(apiKeys).where(eq(apiKeys.name, name)).returning(KNOWN);
      const sources = key ? tokenSources(withScopes(key).scopes) : [];
      if (sources.length > 0) await keepSources(orm, sources);
      return key !== undefined;
    });
  }
}

/** Sorted, and without rows that others hold, so that two revocations do not wait for each other in a circle. */
async function keepSources(orm: Orm, sources: readonly string[]): Promise<void> {
  const revokedAt = new Date();
  const rows = sources.toSorted().map((source) => ({ source, revokedAt }));
  await orm.insert(formerSources).values(rows).onConflictDoUpdate({ target: formerSources.source, set: { revokedAt } });
  const surplus = orm
    .select({ source: formerSources.source })
    .from(formerSources)
    .orderBy(desc(formerSources.revokedAt), asc(formerSources.source))
    .offset(MAX_FORMER_SOURCES)
    .for('update', { skipLocked: true });
  await orm.delete(formerSources).where(inArray(formerSources.source, surplus));
}

/** A row with the scopes of its key: one from before there were scopes has the default ones. */
export function withScopes<T extends { readonly scopes: readonly ApiKeyScope[] | null }>(
  row: T,
): Omit<T, 'scopes'> & Pick<ApiKey, 'scopes'> {
  return { ...row, scopes: row.scopes ?? DEFAULT_SCOPES };
}
