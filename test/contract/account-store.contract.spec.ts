import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccountStore } from '../../src/identity/accounts/account.store.js';
import { createLogger } from '../../src/live/logging/logger.js';
import { needs } from '../kit/needs.js';
import { openTestEmbedded, openTestPostgres, type OpenDatabase, type OpenDatabaseFor } from '../kit/open-database.js';

const suite = (openDatabase: OpenDatabaseFor) => (): void => {
  let opened: OpenDatabase;
  let accounts: AccountStore;
  beforeAll(async () => {
    opened = await openDatabase();
    accounts = new AccountStore(opened.database);
  });
  afterAll(() => opened.drop());

  it('finds an account by the e-mail it was added with', async () => {
    const added = await accounts.add('ada@example.org', 'hash');
    expect(await accounts.findByEmail('ada@example.org')).toEqual(added);
  });

  it('finds no account by another e-mail', async () => {
    expect(await accounts.findByEmail('nobody@example.org')).toBeNull();
  });

  it('lets exactly one of twenty concurrent requests have an e-mail', async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => accounts.add('race@example.org', 'hash')));
    expect(outcomes.filter((outcome) => outcome !== null)).toHaveLength(1);
  });

  it('LK-1 throws errors that are logged with their statement and its fault, without its values', async () => {
    const rename = (from: string, to: string) =>
      opened.database.run((orm) => orm.execute(sql.raw(`alter table ${from} rename to ${to}`)));
    await rename('users', 'people');
    const error: unknown = await accounts.add('canary@example.org', 'canary-hash').catch((thrown: unknown) => thrown);
    await rename('people', 'users');
    let written = '';
    createLogger('error', { write: (line) => void (written += line) }).error({ err: error }, 'failed');
    expect(written).toContain('insert into');
    expect(written).toContain('relation \\"users\\" does not exist');
    expect(written).not.toContain('canary');
  });
};

describe('the account store on PGlite', suite(openTestEmbedded));
needs('postgres')('the account store on PostgreSQL', suite(openTestPostgres));
