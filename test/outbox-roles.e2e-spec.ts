import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FeedRegistry } from '../src/live/feeds/feed.registry.js';
import { EventChecker } from '../src/live/publish/event-checker.js';
import { openRelay } from '../src/live/publish/outbox/open-relay.js';
import { StoreMetrics } from '../src/live/store/store-health.js';
import { needs } from './kit/needs.js';
import { OutboxFixture } from './kit/outbox-fixture.js';
import { createDatabase } from './kit/postgres-database.js';
import { postgresNode } from './kit/postgres-node.js';
import { SqlPublisher } from './kit/sql-publisher.js';

/** The numbers of the advisory locks that the outbox has, or had in 0.1.0. */
const LOCKS = [0x5a11_0b08, 0x5a11_0b10, 0x5a11_0b11, 0x5a11_0b12];

needs('postgres')('another role of the database', () => {
  let fixture: OutboxFixture;
  let admin: SqlPublisher;
  let other: SqlPublisher;
  const role = `other_${randomUUID().slice(0, 8)}`;

  beforeEach(async () => {
    fixture = await OutboxFixture.open(1);
    admin = await SqlPublisher.connect(fixture.database.url);
    await admin.run(`create role ${role} login; grant create on schema public to ${role}`);
    const url = new URL(fixture.database.url);
    url.username = role;
    other = await SqlPublisher.connect(url.href);
  });
  afterEach(async () => {
    await other.close();
    await admin.run(`drop owned by ${role}; drop role ${role}`);
    await admin.close();
    await fixture.close();
  });

  const publish = (payload: string): Promise<string> =>
    admin.publish({ topic: 'steps', viewer: fixture.topics[0]!.owner, payload });

  it('runs no code with the rights of the server by a function of the same name', async () => {
    await other.run(`create function public.pg_try_advisory_lock(integer) returns boolean language plpgsql as $$
      begin raise exception 'called'; end $$`);
    await expect(admin.run('select pg_try_advisory_lock(1)')).rejects.toThrow('called');
    expect(await admin.run('select sallyport.lead_outbox() as leads')).toEqual([{ leads: true }]);
  });

  it('stops neither the delivery of events nor the start of a node by holding locks', async () => {
    for (const lock of LOCKS) await other.run('select pg_advisory_lock($1)', [lock]);
    // One that has stopped would be disconnected.
    const busy = setInterval(() => void other.run('select 1').catch(() => {}), 200);
    fixture.startRelay();
    await publish('one');
    await fixture.until(1);
    const node = await postgresNode(fixture.database.url);
    await node.close();
    // Every relay was active, and one is when nobody else holds the lock.
    fixture.startRelay();
    clearInterval(busy);
    await other.close();
    const followers = `select from pg_stat_activity where application_name = 'sallyport-outbox'
      and datname = current_database() and query like '%lead_outbox%'`;
    await expect.poll(async () => (await admin.run(followers)).length, { timeout: 20_000 }).toBe(1);
    await publish('two');
    await fixture.until(2);
  });

  /** Opens a relay as at the start of a server, and what it has warned of. */
  async function opening(url: string, removesRows: boolean) {
    const logger = pino({ level: 'silent' });
    const warned = vi.spyOn(logger, 'warn');
    const registry = new Registry();
    const checker = new EventChecker(new FeedRegistry(), () => null, logger);
    const observers = { registry, stores: new StoreMetrics(registry, logger), logger };
    const relay = await openRelay({ url }, { checker, bus: fixture.bus, removesRows }, observers);
    return { relay, warnings: warned.mock.calls.flat() };
  }

  it('is warned of at the start while every role may create in the schema public', async () => {
    const { url } = fixture.database;
    await admin.run('revoke create on schema public from public');
    expect((await opening(url, true)).warnings).toEqual([]);
    await admin.run('grant create on schema public to public');
    const { warnings } = await opening(url, true);
    expect(warnings).toEqual([expect.stringContaining('revoke create on schema public from public')]);
  });

  it('that may not create the schema leaves publishing by SQL off, unless the store needs it', async () => {
    const database = await createDatabase();
    const url = new URL(database.url);
    url.username = role;
    const { relay, warnings } = await opening(url.href, false);
    expect([relay, warnings]).toEqual([null, [expect.stringMatching(/^publishing by SQL is off/)]]);
    await expect(opening(url.href, true)).rejects.toThrow('cannot be used as the store (permission denied');
    await database.drop();
  });

  it('leaves one relay active while it holds no lock', async () => {
    const second = await SqlPublisher.connect(fixture.database.url);
    const lead = 'select sallyport.lead_outbox() as leads';
    expect([await admin.run(lead), await second.run(lead)]).toEqual([[{ leads: true }], [{ leads: false }]]);
    await second.close();
  });
});
