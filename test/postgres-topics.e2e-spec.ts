import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { StartError } from '../src/live/errors/sallyport.errors.js';
import { parseCursor } from '../src/live/topics/cursor.js';
import type { TopicEvent } from '../src/live/topics/topic-event.js';
import { type Topic, type TopicDefinition, topicOf } from '../src/live/topics/topic.js';
import type { ViewerId } from '../src/live/viewer/viewer.js';
import { needs } from './kit/needs.js';
import { type TestDatabase, createDatabase } from './kit/postgres-database.js';
import { type PostgresNode, postgresNode } from './kit/postgres-node.js';
import { RecordingSink } from './kit/recording-sink.js';

const definition: TopicDefinition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 100,
  historySeconds: 300,
  onSubscribe: 'history',
  slowReader: 'close',
};
const numbered = (events: readonly TopicEvent[]) => events.map(({ offset, payload }) => [offset, payload]);

needs('postgres')('a PostgreSQL whose transactions are not at READ COMMITTED', () => {
  it.each(['repeatable read', 'serializable'])('is refused at start: %s', async (level) => {
    const database = await createDatabase();
    const url = new URL(database.url);
    url.searchParams.set('options', `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`);
    const opened = await postgresNode(url.href).catch((error: unknown) => error);
    expect(opened).toBeInstanceOf(StartError);
    expect((opened as Error).message).toContain(`default_transaction_isolation '${level}'`);
    await database.drop();
  });
});

needs('postgres')('an empty PostgreSQL', () => {
  it('is migrated once when several nodes start together', async () => {
    const database = await createDatabase();
    const nodes = await Promise.all(Array.from({ length: 6 }, () => postgresNode(database.url)));
    await Promise.all(nodes.map((node) => node.close()));
    await database.drop();
  });
});

needs('postgres')('topics on PostgreSQL', () => {
  let database: TestDatabase;
  let node: PostgresNode;
  let admin: pg.Client;

  beforeAll(async () => {
    database = await createDatabase();
    node = await postgresNode(database.url);
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
  });
  afterAll(async () => {
    await admin.end();
    await node.close();
    await database.drop();
  });

  describe('an entry of the log', () => {
    const newestSeq = async () => {
      const { rows } = await admin.query<{ last_value: string }>('select last_value from sallyport.event_seq');
      return Number(rows[0]?.last_value);
    };

    it('that was removed before the node read it is not waited for', async () => {
      await admin.query('begin');
      await admin.query("select sallyport.announce('never read')");
      const seq = await newestSeq();
      await admin.query('delete from sallyport.event where seq = $1', [seq]);
      await admin.query('commit');
      await node.log.reached(seq);
    }, 10_000);

    it('that does not exist is waited for no longer than a read of the log takes', async () => {
      const seq = (await newestSeq()) + 5;
      await Promise.all([node.log.reached(seq), node.log.reached(seq)]);
    }, 10_000);

    it('is passed to the listeners before `reached` resolves', async () => {
      const heard: string[] = [];
      const leave = node.log.follow(({ payload }) => void heard.push(payload));
      await node.bus.publish([{ topic: topicOf(definition, `user:${randomUUID()}`), payload: 'heard' }]);
      await node.log.reached(await newestSeq());
      leave();
      expect(heard).toEqual(['"heard"']);
    }, 10_000);
  });

  it('take events without keys where the role reads NULL in an array as text', async () => {
    const url = new URL(database.url);
    url.searchParams.set('options', '-c array_nulls=off');
    const { bus, close } = await postgresNode(url.href);
    const topic = topicOf(definition, `user:${randomUUID()}`);
    await bus.publish([1, 2].map((payload) => ({ topic, payload })));
    expect(numbered((await bus.history(topic, { limit: 10 })).events)).toEqual([
      [1, 1],
      [2, 2],
    ]);
    await close();
  });

  it('are swept also after the clock was set back, when their events are from the future', async () => {
    const topic = topicOf({ ...definition, historySize: 2 }, `user:${randomUUID()}`);
    await node.bus.publish(Array.from({ length: 5 }, (_, payload) => ({ topic, payload })));
    await admin.query("update sallyport.event set at = at + interval '1 day'");
    await admin.query('select sallyport.sweep_log(10000)');
    const { rows } = await admin.query(
      'select e."offset" from sallyport.event e join sallyport.topic t on t.id = e.topic where t.name = $1 order by 1',
      [topic.name],
    );
    expect(rows).toEqual([{ offset: '4' }, { offset: '5' }]);
  });

  it('that are about to end are kept when somebody subscribes', async () => {
    const topic = topicOf(definition, `user:${randomUUID()}`);
    const [published] = await node.bus.publish([{ topic, payload: 1 }]);
    await admin.query("update sallyport.topic set kept_until = now() + interval '1 minute' where name = $1", [
      topic.name,
    ]);
    await node.bus.subscribe(topic, new RecordingSink());
    const { rows } = await admin.query(
      "select epoch, kept_until > now() + interval '30 minutes' as kept from sallyport.topic where name = $1",
      [topic.name],
    );
    expect(rows).toEqual([{ epoch: published?.ok && parseCursor(published.cursor)?.epoch, kept: true }]);
  });

  describe('that expire while they are published to', () => {
    const SWEEP = 'select sallyport.sweep_log(10000)';
    let publisher: pg.Client;
    beforeAll(async () => {
      publisher = new pg.Client({ connectionString: database.url });
      await publisher.connect();
    });
    afterAll(() => publisher.end());

    const expired = async () => {
      const topic = topicOf(definition, `user:${randomUUID()}`);
      await node.bus.publish([{ topic, payload: 'first' }]);
      const end = "update sallyport.topic set kept_until = now() - interval '1 second' where name = $1";
      await admin.query(end, [topic.name]);
      return topic;
    };
    /** Resolves when the work is done, or waits for a lock. */
    const doneOrWaiting = async (work: Promise<unknown>) => {
      let isDone = false;
      void work.then(() => (isDone = true));
      const waiting = `select from pg_locks l join pg_stat_activity a using (pid)
        where not l.granted and a.datname = current_database()`;
      await vi.waitUntil(async () => isDone || (await publisher.query(waiting)).rowCount, { timeout: 10_000 });
    };

    it('take an event that comes while a sweep removes them, as new ones', async () => {
      const topic = await expired();
      await admin.query('begin');
      await admin.query(SWEEP);
      const publishing = node.bus.publish([{ topic, payload: 'second' }]);
      await doneOrWaiting(publishing);
      await admin.query('commit');
      expect(await publishing).toMatchObject([{ ok: true, duplicate: false }]);
      expect(numbered((await node.bus.history(topic, { limit: 100 })).events)).toEqual([[1, 'second']]);
    });

    it('stay when a sweep comes while an event is published', async () => {
      const topic = await expired();
      await publisher.query('begin');
      await publisher.query(
        `select sallyport.append(array[$1], '{100}', '{300000}', '{"\\"second\\""}', '{null}', '{null}', null, now() + interval '1 minute')`,
        [topic.name],
      );
      const sweeping = admin.query(SWEEP);
      await doneOrWaiting(sweeping);
      await publisher.query('commit');
      await sweeping;
      expect(numbered((await node.bus.history(topic, { limit: 100 })).events)).toEqual([
        [1, 'first'],
        [2, 'second'],
      ]);
    });
  });

  describe('that exist when the history of their feed is changed', () => {
    const longer: TopicDefinition = { ...definition, historySize: 10, historySeconds: 6_000 };
    const topics = async () => {
      const [owner, short]: [ViewerId, TopicDefinition] = [`user:${randomUUID()}`, { ...definition, historySize: 1 }];
      const topic = topicOf(longer, owner);
      await node.bus.publish([{ topic: topicOf(short, owner), payload: 1 }]);
      const sweep = async () => {
        await admin.query(
          `update sallyport.event e set at = now() - interval '2 minutes' from sallyport.topic t
          where t.id = e.topic and t.name = $1`,
          [topic.name],
        );
        await admin.query('select sallyport.sweep_log(10000)');
      };
      const stored = async () => {
        const { rows } = await admin.query(
          `select history_size, history_ms::integer, kept_until > now() + interval '3 hours' as kept from sallyport.topic where name = $1`,
          [topic.name],
        );
        return rows as unknown[];
      };
      return { topic, sweep, stored };
    };
    const changed = [{ history_size: 10, history_ms: 6_000_000, kept: true }];

    it('keep as many events as it now says, for as long, from the next one on', async () => {
      const { topic, sweep, stored } = await topics();
      await node.bus.publish([2, 3].map((payload) => ({ topic, payload })));
      await sweep();
      expect(numbered((await node.bus.history(topic, { limit: 100 })).events)).toEqual([
        [1, 1],
        [2, 2],
        [3, 3],
      ]);
      expect(await stored()).toEqual(changed);
    });

    it('follow it when somebody subscribes', async () => {
      const { topic, stored } = await topics();
      (await node.bus.subscribe(topic, new RecordingSink())).end();
      expect(await stored()).toEqual(changed);
    });
  });

  describe('an event that is too old although an earlier one is not, since the clock was set back', () => {
    let topic: Topic;
    let cursors: string[];

    beforeAll(async () => {
      topic = topicOf(definition, `user:${randomUUID()}`);
      const outcomes = await node.bus.publish(['one', 'two', 'three'].map((payload) => ({ topic, payload })));
      cursors = outcomes.map((outcome) => (outcome.ok ? outcome.cursor : ''));
      const { rowCount } = await admin.query(
        `update sallyport.event e set at = now() - interval '1 hour' from sallyport.topic t
        where t.id = e.topic and t.name = $1 and e."offset" = 2`,
        [topic.name],
      );
      expect(rowCount).toBe(1);
    });

    const subscribe = async (resume?: unknown) => {
      const sink = new RecordingSink();
      const subscription = await node.bus.subscribe(topic, sink, resume);
      subscription.end();
      return sink;
    };

    it('makes a resume before it incomplete', async () => {
      const sink = await subscribe(cursors[0]);
      expect(sink.all).toEqual([{ kind: 'confirmed', recovered: false }]);
    });

    it('leaves a resume after it complete', async () => {
      const sink = await subscribe(cursors[1]);
      expect(sink.all).toEqual([
        { kind: 'confirmed', recovered: true },
        { kind: 'event', payload: 'three', offset: 3, cursor: cursors[2] },
      ]);
    });

    it('is where the history of a new subscriber starts', async () => {
      const sink = await subscribe();
      expect(sink.all).toEqual([
        { kind: 'confirmed', recovered: undefined },
        { kind: 'event', payload: 'three', offset: 3, cursor: cursors[2] },
      ]);
    });

    it('ends a page of the history, and the next one is not recovered', async () => {
      const first = await node.bus.history(topic, { limit: 100 });
      expect(first.recovered).toBe(true);
      expect(numbered(first.events)).toEqual([[1, 'one']]);
      const next = await node.bus.history(topic, { after: first.events[0]?.cursor, limit: 100 });
      expect(next).toEqual({ events: [], recovered: false });
    });

    it('does not hide what comes after it from a page that starts there', async () => {
      const page = await node.bus.history(topic, { after: cursors[1], limit: 100 });
      expect(page.recovered).toBe(true);
      expect(numbered(page.events)).toEqual([[3, 'three']]);
    });
  });
});
