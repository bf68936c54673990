import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { VerifiedAccount } from '../../src/identity/accounts/account.js';
import { AccountStore } from '../../src/identity/accounts/account.store.js';
import { SessionLookup } from '../../src/identity/sessions/session-lookup.js';
import { SessionLimits } from '../../src/identity/sessions/session-limits.js';
import { generateSessionSecret, sessionSecretHash } from '../../src/identity/sessions/session-cookie.js';
import { SessionStore } from '../../src/identity/sessions/session.store.js';
import { UnavailableError } from '../../src/live/errors/sallyport.errors.js';
import { needs } from '../kit/needs.js';
import { openTestEmbedded, openTestPostgres, type OpenDatabase, type OpenDatabaseFor } from '../kit/open-database.js';

const IDLE = 600;
const ABSOLUTE = 3_600;
const START = new Date('2030-01-01T00:00:00Z');

const suite = (openDatabase: OpenDatabaseFor) => (): void => {
  let opened: OpenDatabase;
  let accounts: AccountStore;
  let store: SessionStore;
  let ada: VerifiedAccount;

  beforeAll(async () => {
    opened = await openDatabase();
    accounts = new AccountStore(opened.database);
    store = new SessionStore(opened.database, new SessionLimits({ idleSeconds: IDLE, absoluteSeconds: ABSOLUTE }));
  });
  afterAll(() => opened.drop());
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: START });
    ada = (await accounts.add(`${randomUUID()}@example.org`, 'hash'))!;
  });
  afterEach(() => vi.useRealTimers());

  async function open(presentedId: string | null = null, account = ada) {
    const secret = generateSessionSecret();
    const session = { id: randomUUID(), secretHash: sessionSecretHash(secret), userAgent: 'test', ip: '192.0.2.1' };
    return { ...session, ended: await store.open(account, session, presentedId) };
  }
  const at = (seconds: number) => vi.setSystemTime(START.getTime() + seconds * 1000);

  it('finds a valid session and its account by the hash of its secret', async () => {
    const session = await open();
    expect(await store.findBySecretHash(session.secretHash)).toEqual({
      id: session.id,
      createdAt: START,
      lastSeenAt: START,
      account: { id: ada.id, email: ada.email, createdAt: START },
    });
  });

  it('SE-3 ends the presented session when another opens', async () => {
    const first = await open();
    const second = await open(first.id);
    expect(second.ended).toEqual([{ id: first.id, userId: ada.id }]);
    expect(await store.findBySecretHash(first.secretHash)).toBeNull();
  });

  it('SE-4 finds a session one second before its idle limit but not one second after', async () => {
    const session = await open();
    at(IDLE - 1);
    expect(await store.findBySecretHash(session.secretHash)).not.toBeNull();
    at(IDLE + 1);
    expect(await store.findBySecretHash(session.secretHash)).toBeNull();
  });

  it('SE-5 use does not extend a session past its absolute limit', async () => {
    const session = await open();
    for (let second = 300; second < ABSOLUTE; second += 300) {
      at(second);
      await store.touch(session.id);
      expect(await store.findBySecretHash(session.secretHash)).not.toBeNull();
    }
    at(ABSOLUTE + 1);
    await store.touch(session.id);
    expect(await store.findBySecretHash(session.secretHash)).toBeNull();
  });

  it('writes last-seen at most once a minute', async () => {
    const session = await open();
    at(59);
    await store.touch(session.id);
    expect((await store.findBySecretHash(session.secretHash))?.lastSeenAt).toEqual(START);
    at(61);
    await store.touch(session.id);
    expect((await store.findBySecretHash(session.secretHash))?.lastSeenAt).toEqual(new Date(START.getTime() + 61_000));
  });

  it('never revives an expired session by a late touch', async () => {
    const session = await open();
    at(IDLE + 1);
    await store.touch(session.id);
    at(IDLE - 1);
    expect((await store.findBySecretHash(session.secretHash))?.lastSeenAt).toEqual(START);
  });

  it('SE-10 keeps twenty sessions per account and ends the oldest', async () => {
    const opening = [];
    for (let n = 0; n < 20; n += 1) {
      at(n);
      opening.push(await open());
    }
    expect(opening.every((session) => session.ended?.length === 0)).toBe(true);
    at(20);
    const last = await open();
    expect(last.ended).toEqual([{ id: opening[0]?.id, userId: ada.id }]);
    expect(await store.findBySecretHash(opening[1]!.secretHash)).not.toBeNull();
  });

  it('opens no session for an account whose password changed since it was verified', async () => {
    expect((await open(null, { ...ada, passwordHash: 'an older hash' })).ended).toBeNull();
  });

  it('returns the status of many claims in their order', async () => {
    const session = await open();
    const ended = await open();
    await store.end(ended.id);
    const bob = (await accounts.add(`${randomUUID()}@example.org`, 'hash'))!;
    const statuses = await store.statuses([
      { userId: ada.id, sessionId: ended.id },
      { userId: ada.id, sessionId: session.id },
      { userId: bob.id, sessionId: session.id },
      { userId: randomUUID(), sessionId: session.id },
    ]);
    expect(statuses).toEqual([
      { ok: false, reason: 'session-ended' },
      { ok: true, endsAt: new Date(START.getTime() + IDLE * 1000) },
      { ok: false, reason: 'session-ended' },
      { ok: false, reason: 'account-gone' },
    ]);
  });

  it('answers three hundred sockets that open together with a handful of queries', async () => {
    const session = await open();
    const asked = vi.spyOn(store, 'statuses');
    const lookup = new SessionLookup(store);
    const statuses = await Promise.all(
      Array.from({ length: 300 }, async (_, n) => {
        for (let turn = 0; turn < n % 10; turn += 1) await new Promise(setImmediate);
        return lookup.statusOf({ userId: ada.id, sessionId: n % 3 ? session.id : randomUUID() });
      }),
    );
    expect(statuses.map((status) => status.ok)).toEqual(statuses.map((_, n) => n % 3 !== 0));
    expect(asked.mock.calls.length).toBeLessThanOrEqual(11);
    asked.mockRestore();
  });

  it('sends a query at once after a quiet period, a batch of 64 before its time, and a smaller batch after 20 ms', async () => {
    const session = await open();
    const asked = vi.spyOn(store, 'statuses');
    const lookup = new SessionLookup(store);
    const ask = () => lookup.statusOf({ userId: ada.id, sessionId: session.id });
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'], now: START });
    await ask();
    const batch = Array.from({ length: 63 }, ask);
    await new Promise(setImmediate);
    expect(asked.mock.calls.map(([claims]) => claims.length)).toEqual([1]);
    await Promise.all([...batch, ask()]);
    const late = ask();
    await new Promise(setImmediate);
    expect(asked.mock.calls.map(([claims]) => claims.length)).toEqual([1, 64]);
    vi.advanceTimersByTime(20);
    expect(await late).toMatchObject({ ok: true });
    asked.mockRestore();
  });

  it('sends no second query while one is running', async () => {
    const session = await open();
    let answer = (): void => {};
    const slow = new Promise<void>((resolve) => (answer = resolve));
    const asked = vi.spyOn(store, 'statuses').mockImplementationOnce(async () => {
      await slow;
      return [{ ok: false, reason: 'session-ended' }];
    });
    const lookup = new SessionLookup(store);
    const ask = () => lookup.statusOf({ userId: ada.id, sessionId: session.id });
    const first = ask();
    await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(1));
    const rest = Array.from({ length: 70 }, ask);
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
    expect(asked).toHaveBeenCalledTimes(1);
    answer();
    await Promise.all([first, ...rest]);
    expect(asked.mock.calls.map(([claims]) => claims.length)).toEqual([1, 70]);
    asked.mockRestore();
  });

  it('reports a failing store to every caller, and queries again afterwards', async () => {
    const session = await open();
    const lookup = new SessionLookup(store);
    const asked = vi.spyOn(store, 'statuses').mockRejectedValueOnce(new UnavailableError());
    const claim = { userId: ada.id, sessionId: session.id };
    const outcomes = await Promise.allSettled([lookup.statusOf(claim), lookup.statusOf(claim)]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
    expect(await lookup.statusOf(claim)).toMatchObject({ ok: true });
    asked.mockRestore();
  });

  it('ends what has expired in batches, once, and leaves the rest', async () => {
    // By the clock of the database.
    const now = vi.getRealSystemTime();
    vi.setSystemTime(now - (IDLE + 1) * 1000);
    const expired = [await open(), await open(), await open()];
    vi.setSystemTime(now);
    const fresh = await open();
    const swept = await Promise.all([store.endExpired(2), store.endExpired(2), store.endExpired(2)]);
    const rest = await store.endExpired(1_000);
    expect(swept.every((batch) => batch.length <= 2)).toBe(true);
    const ended = [...swept.flat(), ...rest];
    expect(new Set(ended.map(({ id }) => id)).size).toBe(ended.length);
    expect(ended).toEqual(expect.arrayContaining(expired.map(({ id }) => ({ id, userId: ada.id }))));
    const live = await store.status([fresh.id, ...expired.map((session) => session.id)]);
    expect([...live.keys()]).toEqual([fresh.id]);
  });

  it('ends a session once for concurrent requests', async () => {
    const session = await open();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.end(session.id)));
    expect(outcomes.filter(Boolean)).toHaveLength(1);
  });
};

describe('the session store on PGlite', suite(openTestEmbedded));
needs('postgres')('the session store on PostgreSQL', suite(openTestPostgres));
