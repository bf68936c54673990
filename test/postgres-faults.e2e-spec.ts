import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { postgresPrograms } from '../scripts/test-services.mjs';
import { UnavailableError } from '../src/live/errors/sallyport.errors.js';
import { MetricsRegistry } from '../src/live/metrics-registry.js';
import { preparePostgres } from '../src/live/store/postgres/open-postgres.js';
import { PostgresEngine } from '../src/live/store/postgres/postgres-engine.js';
import { PostgresPresence } from '../src/live/store/postgres/presence.postgres.js';
import { StoreMetrics } from '../src/live/store/store-health.js';
import { type Topic, type TopicDefinition, topicOf } from '../src/live/topics/topic.js';
import { type DatabaseProxy, proxyTo } from './kit/database-proxy.js';
import { needs } from './kit/needs.js';
import { createDatabase } from './kit/postgres-database.js';
import { type PostgresNode, postgresNode } from './kit/postgres-node.js';
import { PostgresServer } from './kit/postgres-server.js';
import { RecordingSink } from './kit/recording-sink.js';

const definition: TopicDefinition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 100,
  historySeconds: 300,
  onSubscribe: 'nothing',
  slowReader: 'close',
};
const newTopic = (): Topic => topicOf(definition, `user:${randomUUID()}`);
const silent = pino({ level: 'silent' });
const WAIT = { timeout: 30_000, interval: 50 };

const withPrograms = postgresPrograms() ? describe : describe.skip;

withPrograms('the store on a PostgreSQL that fails', () => {
  let server: PostgresServer;
  let proxy: DatabaseProxy;
  let here: PostgresNode;
  let there: PostgresNode;

  beforeAll(async () => {
    server = await PostgresServer.start();
    proxy = await proxyTo(server.url);
    [here, there] = [await postgresNode(proxy.url), await postgresNode(proxy.url)];
  }, 60_000);
  afterAll(async () => {
    await Promise.all([here.close(), there.close()]);
    await proxy.end();
    await server.remove();
  });

  const publish = (topic: Topic, ...payloads: unknown[]) =>
    there.bus.publish(payloads.map((payload) => ({ topic, payload })));
  const subscribe = async (topic: Topic, resume?: unknown) => {
    const sink = new RecordingSink();
    await here.bus.subscribe(topic, sink, resume);
    return sink;
  };
  /** Publishes with one idempotency key until it succeeds. */
  const publishUntilAccepted = async (topic: Topic, payload: unknown) => {
    const key = randomUUID();
    await vi.waitFor(async () => {
      const [outcome] = await there.bus.publish([{ topic, payload, key }]);
      expect(outcome).toMatchObject({ ok: true });
    }, WAIT);
  };
  const untilBack = () =>
    vi.waitFor(async () => {
      const topic = newTopic();
      const sink = await subscribe(topic);
      await publish(topic, 'back');
      await vi.waitFor(() => expect(sink.payloads).toEqual(['back']), { timeout: 500 });
    }, WAIT);
  afterEach(untilBack, 60_000);

  it('goes on after a restart without a checkpoint: same cursors, nothing lost, nothing twice', async () => {
    const topic = newTopic();
    const sink = await subscribe(topic);
    await publish(topic, 1, 2);
    await sink.until(2);
    const { cursor } = sink;
    await server.stop();
    await expect(publish(topic, 'nobody')).rejects.toBeInstanceOf(UnavailableError);
    await server.start();
    await publishUntilAccepted(topic, 3);
    await sink.until(3);
    expect(sink.payloads).toEqual([1, 2, 3]);
    const resumed = await subscribe(topic, cursor);
    expect(resumed.recovered).toBe(true);
    expect(resumed.payloads).toEqual([3]);
  }, 60_000);

  it('misses nothing while the connection that listens is down', async () => {
    const topic = newTopic();
    const sink = await subscribe(topic);
    const cut = await server.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sallyport-listener'",
    );
    expect(cut.rowCount).toBe(2);
    await publishUntilAccepted(topic, 1);
    await publishUntilAccepted(topic, 2);
    await sink.until(2);
    expect(sink.payloads).toEqual([1, 2]);
  }, 60_000);

  it('reads large events of a moment in several parts, and misses none', async () => {
    const topics = Array.from({ length: 60 }, newTopic);
    const sinks = await Promise.all(topics.map((topic) => subscribe(topic)));
    const payload = '€'.repeat(20_000);
    await there.bus.publish(topics.map((topic) => ({ topic, payload })));
    await Promise.all(sinks.map((sink) => sink.until(payload)));
    for (const sink of sinks) expect(sink.payloads).toEqual([payload]);
  }, 60_000);

  it('notices within seconds that nothing answers, and says so until it does', async () => {
    const topic = newTopic();
    const sink = await subscribe(topic);
    proxy.hang();
    await vi.waitFor(() => expect(here.log.isLost).toBe(true), WAIT);
    expect(here.connection.health.state).toBe('unavailable');
    await expect(publish(topic, 'late')).rejects.toBeInstanceOf(UnavailableError);
    await expect(subscribe(newTopic())).rejects.toBeInstanceOf(UnavailableError);
    proxy.resume();
    await publishUntilAccepted(topic, 'after');
    await sink.until('after');
    expect(sink.payloads.filter((payload) => payload === 'after')).toHaveLength(1);
  }, 60_000);

  it('does not publish a batch that it gets to only after its publisher was refused', async () => {
    const topic = newTopic();
    const sink = await subscribe(topic);
    const blocker = new pg.Client({ connectionString: server.url });
    await blocker.connect();
    await blocker.query('begin');
    await blocker.query('select sallyport.lock_log()');
    await expect(publish(topic, 'refused')).rejects.toBeInstanceOf(UnavailableError);
    await blocker.query('commit');
    await blocker.end();
    await publishUntilAccepted(topic, 'next');
    await sink.until('next');
    expect(sink.payloads).toEqual(['next']);
  }, 60_000);

  it('publishes nothing after the deadline, also where a pooler drops the timeout of statements', async () => {
    const topic = newTopic();
    const sink = await subscribe(topic);
    const late = await server.query(
      `select * from sallyport.append(array['${topic.name}'], '{100}', '{300000}', '{"\\"late\\""}', '{null}', '{null}', null,
        now() - interval '1 second')`,
    );
    expect(late.rows).toEqual([]);
    await publish(topic, 'next');
    await sink.until('next');
    expect(sink.payloads).toEqual(['next']);
  }, 60_000);

  it('says that it refuses writes while it is read-only, and takes them again', async () => {
    const topic = newTopic();
    const sink = await subscribe(topic);
    await server.query('alter system set default_transaction_read_only = on');
    await server.query('select pg_reload_conf()');
    // Connections read the new setting a moment later: until then they take events.
    const accepted: string[] = [];
    await vi.waitFor(async () => {
      const payload = randomUUID();
      const outcome = await publish(topic, payload).then(
        () => accepted.push(payload),
        (error: unknown) => error,
      );
      expect(outcome).toBeInstanceOf(UnavailableError);
      expect(there.connection.health.state).toBe('refuses-writes');
    }, WAIT);
    await server.query('alter system reset default_transaction_read_only');
    await server.query('select pg_reload_conf()');
    await publishUntilAccepted(topic, 'taken');
    await sink.until('taken');
    expect(sink.payloads).toEqual([...accepted, 'taken']);
    await vi.waitFor(() => expect(there.connection.health.state).toBe('ok'), WAIT);
  }, 60_000);

  it('refuses writes as long as its tables take no rows, and leaves none behind when it tries', async () => {
    const { connection } = there;
    await connection.run(`create function sallyport.full_disk() returns trigger language plpgsql as
      $$ begin raise exception 'No space left on device' using errcode = '53100'; end $$`);
    await connection.run(`create trigger full_disk before insert on sallyport.guess
      for each row execute function sallyport.full_disk()`);
    const failed = vi.spyOn(connection.health, 'failed');
    const write = connection.run("insert into sallyport.guess values (0, 'a', 0, 0, 0, '{}')");
    await expect(write).rejects.toThrow(UnavailableError);
    await vi.waitFor(() => expect(failed.mock.calls.length).toBeGreaterThan(2), WAIT);
    expect(connection.health.state).toBe('refuses-writes');
    await connection.run('drop function sallyport.full_disk cascade');
    await vi.waitFor(() => expect(connection.health.state).toBe('ok'), WAIT);
    expect(await connection.run('select from sallyport.guess')).toEqual([]);
  });

  it('is unavailable while only its queries lead nowhere, as when a pooler beside the listener is down', async () => {
    const { connection, log, close } = await postgresNode({ url: proxy.url, listenUrl: server.url });
    await proxy.shut();
    await vi.waitFor(() => expect(connection.health.state).toBe('unavailable'), WAIT);
    expect(log.isLost).toBe(false);
    await proxy.open();
    await vi.waitFor(() => expect(connection.health.state).toBe('ok'), WAIT);
    await close();
  }, 60_000);

  it('goes on delivering while no connection is to be had for a publisher', async () => {
    const topic = newTopic();
    const sink = await subscribe(topic);
    await server.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sallyport-store'",
    );
    const hogs: pg.Client[] = [];
    for (let full = false; !full;) {
      const hog = new pg.Client({ connectionString: server.url });
      hog.on('error', () => undefined);
      full = await hog.connect().then(
        () => false,
        () => true,
      );
      if (!full) hogs.push(hog);
    }
    await expect(publish(topic, 'refused')).rejects.toBeInstanceOf(UnavailableError);
    expect(here.log.isLost).toBe(false);
    await Promise.all(hogs.map((hog) => hog.end()));
    await publishUntilAccepted(topic, 'taken');
    await sink.until('taken');
    expect(sink.payloads).toEqual(['taken']);
  }, 60_000);
});

withPrograms('the store when a standby takes over', () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  let replication: DatabaseProxy;
  let proxy: DatabaseProxy;
  let node: PostgresNode;

  beforeEach(async () => {
    primary = await PostgresServer.start();
    replication = await proxyTo(primary.url);
    standby = await PostgresServer.standbyOf(replication.url);
    proxy = await proxyTo(primary.url);
    node = await postgresNode(proxy.url);
  }, 60_000);
  afterEach(async () => {
    await node.close();
    for (const each of [proxy, replication]) await each.end();
    await Promise.all([primary.remove(), standby.remove()]);
  }, 60_000);

  const failOver = async () => {
    await proxy.shut();
    await primary.stop();
    await standby.promote();
    proxy.redirect(standby.url);
    await proxy.open();
  };

  it('makes presence unavailable while it is at the standby, which cannot read unlogged tables', async () => {
    await proxy.shut();
    proxy.redirect(standby.url);
    await proxy.open();
    const presence = new PostgresPresence(node.connection);
    // A connection that broke is noticed by the first query on it.
    await vi.waitFor(() => node.connection.run('select 1'), WAIT);
    // Until then, other queries may still find that theirs broke.
    await vi.waitFor(async () => {
      await expect(presence.among([`user:${randomUUID()}`])).rejects.toBeInstanceOf(UnavailableError);
      expect(node.connection.health.state).toBe('refuses-writes');
    }, WAIT);
    await presence.beforeApplicationShutdown();
  }, 90_000);

  it('waits at a start until the standby is promoted', async () => {
    const said = new EventEmitter();
    const logger = pino({}, { write: (line: string) => said.emit('line', line) });
    const metrics = new StoreMetrics(new MetricsRegistry(), silent);
    const opening = PostgresEngine.open({ url: standby.url }, metrics, logger);
    await Promise.race([once(said, 'line'), opening]);
    await failOver();
    await (await opening).close();
  }, 90_000);

  it('tells subscribers that events may be lost, and gives no cursor of before a meaning', async () => {
    const topic = newTopic();
    const sink = new RecordingSink();
    await node.bus.subscribe(topic, sink);
    await node.bus.publish([{ topic, payload: 'replicated' }]);
    await vi.waitFor(async () => {
      const { rows } = await standby.query("select payload from sallyport.event where payload like '%replicated%'");
      expect(rows).toHaveLength(1);
    }, WAIT);
    await replication.shut();
    await node.bus.publish([{ topic, payload: 'lost' }]);
    await sink.until('lost');
    const { cursor } = sink;
    await failOver();
    await sink.untilEnded();
    const resumed = new RecordingSink();
    await vi.waitFor(() => node.bus.subscribe(topic, resumed, cursor), WAIT);
    expect(resumed.recovered).toBe(false);
    await node.bus.publish([{ topic, payload: 'after' }]);
    await resumed.until('after');
    expect(resumed.payloads).toEqual(['after']);
  }, 90_000);
});

needs('postgres')('a start on a store that another user has migrated', () => {
  it('names what is missing among the rights of this one', async () => {
    const created = await createDatabase();
    await preparePostgres({ url: created.url }, silent);
    const admin = new pg.Client({ connectionString: created.url });
    await admin.connect();
    await admin.query(`grant usage on schema sallyport to pg_monitor;
      grant select on all tables in schema sallyport to pg_monitor`);
    const url = new URL(created.url);
    url.searchParams.set('options', '-c role=pg_monitor');
    const metrics = new StoreMetrics(new MetricsRegistry(), silent);
    await expect(PostgresEngine.open({ url: url.href }, metrics, silent)).rejects.toThrow(
      /cannot be used as the store \(permission denied for function settle\): check DATABASE_URL and the privileges/,
    );
    await admin.end();
    await created.drop();
  });
});
