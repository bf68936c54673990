import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccountStore } from '../../src/identity/accounts/account.store.js';
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
};

describe('the account store on PGlite', suite(openTestEmbedded));
needs('postgres')('the account store on PostgreSQL', suite(openTestPostgres));
