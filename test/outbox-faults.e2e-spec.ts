import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pino } from 'pino';
import { NotificationsFeed } from '../src/feeds/notifications/notifications.feed.js';
import { UnavailableError } from '../src/live/errors/sallyport.errors.js';
import type { OpenRanges } from '../src/live/publish/outbox/open-ranges.js';
import { Outbox } from '../src/live/publish/outbox/outbox.js';
import { RejectedEvents } from '../src/live/publish/outbox/rejected-events.js';
import { MemoryTopicBus } from '../src/live/store/memory/topic.bus.memory.js';
import { DeliveryGate } from '../src/live/topics/delivery-gate.js';
import type { TopicBus } from '../src/live/topics/topic.bus.js';
import { topicOf } from '../src/live/topics/topic.js';
import type { ViewerId } from '../src/live/viewer/viewer.js';
import { Random } from './kit/random.js';
import { needs } from './kit/needs.js';
import { NumberedTransactions } from './kit/numbered-transactions.js';
import { OutboxFixture, type RelayFaults } from './kit/outbox-fixture.js';
import { createDatabase } from './kit/postgres-database.js';
import { postgresNode } from './kit/postgres-node.js';
import { PostgresServer } from './kit/postgres-server.js';
import { startServer } from './kit/server.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { SqlPublisher } from './kit/sql-publisher.js';
import { temporaryFolder } from './kit/temporary-folder.js';

/** Events per kind of test; `npm run outbox -- --events N` changes it. */
const EVENTS = Number(process.env['OUTBOX_EVENTS'] ?? 2_000);
const SEED = Number(process.env['OUTBOX_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const TIME_LIMIT_MS = Math.max(180_000, EVENTS);
const PUBLISHERS = 4;

/** The calls at which a relay can be killed: `publish` of the bus, the others of the outbox. */
const STEPS = [
  'lead',
  'read',
  'publish',
  'settle',
  'stayAwake',
  'goToSleep',
  'newTransactionId',
  'first',
  'recordFirst',
  'tidy',
  'sweepRejected',
  'countWaiting',
  'beat',
].flatMap((name) => [`before ${name}`, `after ${name}`]);

/** Calls `at` before and after each call of these methods; an error from it fails the call. */
function watched<T extends object>(target: T, names: readonly string[], at: (step: string) => Promise<void>): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (!names.includes(String(name))) return value.bind(target) as unknown;
      return async (...values: unknown[]) => {
        await at(`before ${String(name)}`);
        const result: unknown = await Reflect.apply(value, target, values);
        await at(`after ${String(name)}`);
        return result;
      };
    },
  });
}

const CUT = `select pg_terminate_backend(pid) from pg_stat_activity
  where application_name = 'sallyport-outbox' and datname = current_database()`;
const OUTBOX_STEPS = STEPS.map((step) => step.split(' ')[1] ?? '').filter((name) => name !== 'publish');

/** A relay that loses its connection and all its state when `at` throws. */
function faulty(at: (step: string) => Promise<void>, more: Partial<Outbox> = {}): RelayFaults {
  return {
    outbox: (outbox) => watched(Object.assign(outbox, more), OUTBOX_STEPS, at),
    bus: (bus) => watched(bus, ['publish'], at),
  };
}

/** Calls `at` with what each read looks for. */
function watchedReads(outbox: Outbox, at: (ranges: OpenRanges) => void): Outbox {
  const read = outbox.read.bind(outbox);
  return Object.assign(outbox, {
    read: (ranges: OpenRanges) => {
      at(ranges);
      return read(ranges);
    },
  });
}

class Killed extends UnavailableError {}

const memoryBus = (): TopicBus => new MemoryTopicBus(new DeliveryGate(null, pino({ level: 'silent' })));

needs('postgres')('a relay that fails', () => {
  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0).toReversed()) await one.close();
  });

  async function open(topics: number, bus?: TopicBus): Promise<OutboxFixture> {
    const fixture = await OutboxFixture.open(topics, bus);
    opened.push(fixture);
    return fixture;
  }

  describe.each([
    ['PostgreSQL', () => undefined],
    ['memory', memoryBus],
  ])('with topics in %s', (_, bus) => {
    it('loses, repeats and reorders nothing, whichever step it is killed at', { timeout: TIME_LIMIT_MS }, async () => {
      const fixture = await open(1, bus());
      const [viewer] = fixture.topics.map(({ owner }) => owner) as [ViewerId];
      const sql = await SqlPublisher.connect(fixture.database.url);
      opened.push(sql);
      const armed = { step: '' };
      fixture.startRelay(
        faulty(async (step) => {
          if (step !== armed.step) return;
          armed.step = '';
          throw new Killed();
        }),
      );
      const expected: string[] = [];
      for (const step of STEPS.filter(
        (each) => !/beat|tidy|sweepRejected|countWaiting|newTransactionId|first/i.test(each),
      )) {
        armed.step = step;
        // Idle or busy, with events of one transaction and of several, and with a rejected one.
        for (let round = 0; armed.step !== '' && round < 20; round++) {
          // The relay tries to become the leader only when it connects.
          if (step.endsWith('lead')) await sql.run(CUT);
          const texts = Array.from({ length: 5 }, (__, index) => `${step} ${round} ${index}`);
          await sql.publishMany(texts.slice(0, 3).map((payload) => ({ topic: 'steps', viewer, payload })));
          await sql.publish({ topic: 'steps', viewer, payload: { not: 'text' } });
          for (const payload of texts.slice(3)) await sql.publish({ topic: 'steps', viewer, payload });
          expected.push(...texts);
          await fixture.until(expected.length);
          // Long enough for the relay to become idle: both states must occur.
          if (round > 0) await delay(300);
        }
        expect(armed.step, `${step} was never reached`).toBe('');
      }
      expect(fixture.arrived.get(viewer)).toEqual(expected);
      await expect
        .poll(async () => (await sql.run('select from sallyport.outbox')).length, { timeout: 20_000 })
        .toBe(0);
      expect(await sql.rejected()).toHaveLength(expected.length / 5);
    });

    it(
      `loses, repeats and reorders none of ${EVENTS} events, while two relays are active that fail and stop at random`,
      { timeout: TIME_LIMIT_MS },
      async () => {
        const fixture = await open(7, bus());
        const random = new Random(SEED);
        const at = async (): Promise<void> => {
          if (random.chance(0.02)) throw new Killed();
          if (random.chance(0.05)) await delay(random.below(40));
        };
        for (let relay = 0; relay < 2; relay++) fixture.startRelay(faulty(at, { lead: async () => true }));
        const viewers = fixture.topics.map(({ owner }) => owner);
        const feed = { topic: 'steps', viewers, payload: (text: string) => text };
        const backends = new NumberedTransactions(fixture.database.url, feed, random, PUBLISHERS);
        const published = await backends.run(EVENTS, 20);
        await fixture.until(published);
        // A duplicate would arrive before this event.
        await fixture.bus.publish(fixture.topics.map((topic) => ({ topic, payload: 'end' })));
        await fixture.until(published + viewers.length);
        for (const viewer of viewers) {
          const arrived = fixture.arrived.get(viewer) ?? [];
          expect(backends.fault(viewer, arrived.slice(0, -1)), `OUTBOX_SEED=${SEED}`).toBeNull();
        }
        expect(fixture.count).toBe(published + viewers.length);
      },
    );
  });

  it(
    `loses, repeats and reorders none of ${EVENTS} events, while its process is killed and stopped`,
    { timeout: TIME_LIMIT_MS },
    async () => {
      const database = await createDatabase();
      const folder = temporaryFolder('relay');
      const env = {
        NODE_ENV: 'test',
        LOG_LEVEL: 'warn',
        DATABASE_URL: database.url,
        STORE: 'postgres',
        DATA_DIR: folder.path,
        SECRET_KEYS: 'the nodes of one test share this secret 0123456789',
        USER_COUNT_INTERVAL_SECONDS: '3600',
      };
      const nodes = await Promise.all([startServerProcess(env), startServerProcess(env)]);
      const observer = await postgresNode(database.url);
      const arrived = new Map<ViewerId, string[]>();
      for (let index = 1; index <= 5; index++) {
        const viewer: ViewerId = `external:test:${index}`;
        const events: string[] = [];
        arrived.set(viewer, events);
        await observer.bus.subscribe(topicOf(NotificationsFeed.topic, viewer), {
          confirmed: () => {},
          ended: () => events.push('ended'),
          event: ({ payload }) => events.push((payload as { title: string }).title),
        });
      }
      const viewers = [...arrived.keys()];
      const feed = { topic: 'notifications', viewers, payload: (title: string) => ({ kind: 'number', title }) };
      const random = new Random(SEED);
      const backends = new NumberedTransactions(database.url, feed, random, PUBLISHERS);
      const count = (): number => [...arrived.values()].reduce((sum, events) => sum + events.length, 0);
      const arrivedUpTo = async (events: number): Promise<void> => {
        await expect.poll(count, { timeout: TIME_LIMIT_MS, interval: 10 }).toBeGreaterThanOrEqual(events);
      };
      try {
        let published = 0;
        const rounds = Math.max(4, Math.min(40, Math.round(EVENTS / 5_000)));
        for (let round = 0; round < rounds; round++) {
          const publishing = backends.run(EVENTS / rounds, 30);
          await arrivedUpTo(published + 1);
          // Either node may have the active relay: the other one takes over.
          const [node, place] = [nodes[round % 2]!, round % 2];
          if (round % 4 < 2) {
            await node.end('SIGKILL');
            published += await publishing;
            await arrivedUpTo(published);
            nodes[place] = await startServerProcess(env);
          } else {
            node.child.kill('SIGSTOP');
            published += await publishing;
            await arrivedUpTo(published);
            node.child.kill('SIGCONT');
          }
        }
        expect(count()).toBe(published);
        for (const [viewer, events] of arrived)
          expect(backends.fault(viewer, events), `OUTBOX_SEED=${SEED}`).toBeNull();
      } finally {
        await Promise.all(nodes.map((node: ServerProcess) => node.end('SIGKILL')));
        await observer.close();
        await database.drop();
        folder.remove();
      }
    },
  );

  /** The relay has passed on three events of one viewer, and has stopped. */
  async function afterThreeEvents() {
    const fixture = await open(1);
    const [viewer] = fixture.topics.map(({ owner }) => owner) as [ViewerId];
    const sql = await SqlPublisher.connect(fixture.database.url);
    opened.push(sql);
    const relay = fixture.startRelay();
    for (const payload of ['one', 'two', 'three']) await sql.publish({ topic: 'steps', viewer, payload });
    await fixture.until(3);
    await relay.stop();
    return { fixture, sql, viewer };
  }

  it('does not look again for the commits that it has passed on, when it connects again', async () => {
    const { fixture, sql, viewer } = await afterThreeEvents();
    const looked: number[] = [];
    fixture.startRelay({
      outbox: (outbox) => watchedReads(outbox, (ranges) => looked.push(ranges.first)),
    });
    await sql.publish({ topic: 'steps', viewer, payload: 'four' });
    await fixture.until(4);
    expect(looked[0]).toBe(4);
  });

  it('passes on events of a database whose tables were restored without the numbers of its sequences', async () => {
    const { fixture, sql, viewer } = await afterThreeEvents();
    await sql.run("select setval('sallyport.outbox_commit_seq', 1, false)");
    fixture.startRelay();
    await sql.publish({ topic: 'steps', viewer, payload: 'four' });
    await fixture.until(4);
  });

  it('keeps an event that is rejected, though an older one had its id before a restore', async () => {
    const { fixture, sql, viewer } = await afterThreeEvents();
    fixture.startRelay();
    const id = await sql.publish({ topic: 'older', viewer, payload: 1 });
    await expect.poll(() => sql.rejected()).toMatchObject([{ id, topic: 'older' }]);
    await sql.run(`alter table sallyport.outbox alter column id restart with ${id}`);
    await sql.publish({ topic: 'newer', viewer, payload: 1 });
    await expect.poll(() => sql.rejected()).toMatchObject([{ id, topic: 'newer' }]);
  });

  it('passes events on where the database writes dates in another form', async () => {
    const fixture = await open(1, memoryBus());
    const [viewer] = fixture.topics.map(({ owner }) => owner) as [ViewerId];
    const sql = await SqlPublisher.connect(fixture.database.url);
    opened.push(sql);
    await sql.run(`alter database ${new URL(fixture.database.url).pathname.slice(1)} set datestyle = 'German'`);
    fixture.startRelay();
    await sql.publish({ topic: 'steps', viewer, payload: 'passed on' });
    await sql.publish({ topic: 'steps', viewer, payload: { not: 'text' } });
    await fixture.until(1);
    const rejected = () => RejectedEvents.with(fixture.database.url, (events) => events.list(1));
    await expect.poll(rejected).toMatchObject([{ createdAt: expect.any(Date) as Date }]);
  });

  it('counting what waits ends after a second, and the connection goes on', async () => {
    const database = await createDatabase();
    const server = await startServer({ env: { DATABASE_URL: database.url, STORE: 'postgres' } });
    const sql = await SqlPublisher.connect(database.url);
    await sql.run(`create or replace function sallyport.outbox_backlog(out waiting bigint, out oldest_seconds float)
      language sql as 'select 1, 1 from pg_sleep(30)'`);
    const outbox = await Outbox.connect({ url: database.url }, () => {});
    expect(await outbox.countWaiting()).toBeNull();
    await outbox.beat();
    await outbox.close();
    await sql.close();
    await server.stop();
    await database.drop();
  });
});

needs('postgres')('a PostgreSQL of its own', () => {
  let server: PostgresServer;
  let fixture: OutboxFixture;
  let sql: SqlPublisher;
  let viewer: ViewerId;

  beforeEach(async () => {
    server = await PostgresServer.start('max_prepared_transactions=10');
    fixture = await OutboxFixture.open(1, undefined, server.url);
    fixture.startRelay();
    viewer = fixture.topics[0]!.owner;
    sql = await SqlPublisher.connect(fixture.database.url);
  });
  afterEach(async () => {
    await sql.close();
    await fixture.close();
    await server.remove();
  });

  const publish = (payload: string): Promise<string> => sql.publish({ topic: 'steps', viewer, payload });

  it('delivers a prepared transaction when it is committed, whether the relay was asleep or awake', async () => {
    for (const isAwake of [false, true]) {
      const before = fixture.count;
      // Idle: nothing has been published for a while.
      if (isAwake) await publish('awake');
      else await delay(500);
      for (const name of ['kept', 'dropped']) {
        await sql.run('begin');
        await publish(name);
        await sql.run(`prepare transaction '${name}'`);
      }
      for (let round = 0; round < 20; round++) await publish(`passes ${round}`);
      await fixture.until(before + 20 + Number(isAwake));
      await sql.run("rollback prepared 'dropped'");
      await sql.run("commit prepared 'kept'");
      await fixture.until(before + 21 + Number(isAwake));
      await publish('last');
      await fixture.until(before + 22 + Number(isAwake));
      expect(fixture.arrived.get(viewer)?.slice(-3)).toEqual(['passes 19', 'kept', 'last']);
    }
    expect(fixture.arrived.get(viewer)).not.toContain('dropped');
  });

  it('lets a role prepare a transaction in whose literals a backslash escapes', async () => {
    await sql.run('set standard_conforming_strings = off');
    await sql.run('begin');
    await publish('kept');
    await sql.run("prepare transaction 'kept'");
    await sql.run("commit prepared 'kept'");
    await fixture.until(1);
  });

  it('loses, repeats and reorders nothing when it is killed and starts again', async () => {
    const expected: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let number = 0; number < 300; number++) {
        await publish(`${round} ${number}`);
        expected.push(`${round} ${number}`);
      }
      await server.stop();
      await server.start();
      await sql.close();
      sql = await SqlPublisher.connect(fixture.database.url);
    }
    await publish('last');
    await fixture.until(expected.length + 1);
    expect(fixture.arrived.get(viewer)).toEqual([...expected, 'last']);
  });
});
