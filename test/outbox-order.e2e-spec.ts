import { afterEach, expect, it } from 'vitest';
import { Random } from './kit/random.js';
import { CommitOracle, type OracleEvent } from './kit/commit-oracle.js';
import { needs } from './kit/needs.js';
import { OutboxFixture } from './kit/outbox-fixture.js';
import { SqlPublisher } from './kit/sql-publisher.js';

/** The number of random steps; `npm run outbox -- --steps N` changes it. */
const STEPS = Number(process.env['OUTBOX_STEPS'] ?? 2_000);
const SEED = Number(process.env['OUTBOX_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const CONNECTIONS = 8;
const TOPICS = 5;
const ISOLATION = ['read committed', 'read committed', 'repeatable read', 'serializable'] as const;

/** A connection that publishes at random and remembers what it has published in the current transaction. */
class RandomPublisher {
  /** The events of the transaction so far, and their number at each savepoint. */
  #events: OracleEvent[] = [];
  #savepoints: number[] = [];
  #isOpen = false;

  constructor(
    private readonly sql: SqlPublisher,
    private readonly random: Random,
    private readonly viewers: readonly string[],
    private readonly nextPayload: () => string,
  ) {}

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Runs one step that does not end the transaction. */
  async step(): Promise<void> {
    if (!this.#isOpen) {
      await this.sql.run(`begin isolation level ${this.random.pick(ISOLATION)}`);
      this.#isOpen = true;
      return;
    }
    const choice = this.random.below(10);
    if (choice < 5) return this.#publish();
    if (choice === 5) return this.#publishMany();
    if (choice === 6) return this.#save();
    if (choice === 7) return this.#rollBackTo();
    if (choice === 8) return this.#release();
    // Frameworks check constraints like this; events must still be in commit order.
    await this.sql.run('set constraints all immediate');
  }

  /** Ends the transaction and returns the events that it committed. */
  async commit(): Promise<readonly OracleEvent[]> {
    await this.sql.run('commit');
    return this.#reset();
  }

  async rollBack(): Promise<void> {
    await this.sql.run('rollback');
    this.#reset();
  }

  #reset(): readonly OracleEvent[] {
    const events = this.#events;
    [this.#events, this.#savepoints, this.#isOpen] = [[], [], false];
    return events;
  }

  #event(): OracleEvent {
    return { viewer: this.random.pick(this.viewers), payload: this.nextPayload() };
  }

  async #publish(): Promise<void> {
    const event = this.#event();
    await this.sql.publish({ topic: 'steps', ...event });
    this.#events.push(event);
  }

  async #publishMany(): Promise<void> {
    const events = Array.from({ length: this.random.below(6) }, () => this.#event());
    await this.sql.publishMany(events.map((event) => ({ topic: 'steps', ...event })));
    this.#events.push(...events);
  }

  async #save(): Promise<void> {
    await this.sql.run(`savepoint s${this.#savepoints.length}`);
    this.#savepoints.push(this.#events.length);
  }

  async #rollBackTo(): Promise<void> {
    if (this.#savepoints.length === 0) return;
    const to = this.random.below(this.#savepoints.length);
    await this.sql.run(`rollback to s${to}`);
    this.#savepoints.length = to + 1;
    this.#events.length = this.#savepoints[to] ?? 0;
  }

  async #release(): Promise<void> {
    if (this.#savepoints.length === 0) return;
    const from = this.random.below(this.#savepoints.length);
    await this.sql.run(`release s${from}`);
    this.#savepoints.length = from;
  }
}

needs('postgres')('the order of what is published by SQL', () => {
  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0).toReversed()) await one.close();
  });

  async function open(topics = TOPICS): Promise<OutboxFixture> {
    const fixture = await OutboxFixture.open(topics);
    opened.push(fixture);
    return fixture;
  }

  async function connect(fixture: OutboxFixture): Promise<SqlPublisher> {
    const sql = await SqlPublisher.connect(fixture.database.url);
    opened.push(sql);
    return sql;
  }

  it(
    `is that of the commits, in ${STEPS} random steps over ${CONNECTIONS} connections`,
    async () => {
      const fixture = await open();
      fixture.startRelay();
      const random = new Random(SEED);
      const oracle = new CommitOracle();
      const viewers = fixture.topics.map(({ owner }) => owner);
      let published = 0;
      const publishers: RandomPublisher[] = [];
      for (let index = 0; index < CONNECTIONS; index++) {
        const sql = await connect(fixture);
        publishers.push(new RandomPublisher(sql, random, viewers, () => String(++published)));
      }
      for (let step = 0; step < STEPS; step++) {
        const publisher = random.pick(publishers);
        if (!publisher.isOpen || random.chance(0.75)) await publisher.step();
        else if (random.chance(0.25)) await publisher.rollBack();
        else if (random.chance(0.8)) oracle.committed(await publisher.commit());
        else {
          const both = publishers.filter((each) => each.isOpen).slice(0, 3);
          oracle.committed(...(await Promise.all(both.map((each) => each.commit()))));
        }
      }
      await fixture.until(oracle.count);
      const faults = viewers.flatMap((viewer) => oracle.fault(viewer, fixture.arrived.get(viewer) ?? []) ?? []);
      expect(faults, `OUTBOX_SEED=${SEED}`).toEqual([]);
      expect(fixture.count, `OUTBOX_SEED=${SEED}`).toBe(oracle.count);
    },
    Math.max(120_000, STEPS * 30),
  );

  it('delivers a transaction that took its ids first and committed last: late, in order, and once', async () => {
    const fixture = await open(2);
    fixture.startRelay();
    const [a, b] = fixture.topics.map(({ owner }) => owner) as [string, string];
    const [early, late] = [await connect(fixture), await connect(fixture)];
    await early.run('begin');
    await early.publish({ topic: 'steps', viewer: a, payload: 'took its id first' });
    for (let round = 0; round < 50; round++) await late.publish({ topic: 'steps', viewer: a, payload: `a${round}` });
    await late.publish({ topic: 'steps', viewer: b, payload: 'another topic' });
    await fixture.until(51);
    await early.run('commit');
    await late.publish({ topic: 'steps', viewer: a, payload: 'last' });
    await fixture.until(53);
    expect(fixture.arrived.get(a)?.slice(-3)).toEqual(['a49', 'took its id first', 'last']);
    expect(fixture.arrived.get(b)).toEqual(['another topic']);
  });

  it('delivers a commit that took its number and then waited, and lets others pass meanwhile', async () => {
    const fixture = await open(1);
    fixture.startRelay();
    const [viewer] = fixture.topics.map(({ owner }) => owner) as [string];
    const [slow, quick, gate] = [await connect(fixture), await connect(fixture), await connect(fixture)];
    // A deferred constraint of the caller that runs after the number was assigned, and waits.
    await gate.run(`create table slow (id integer);
      create function wait_for_gate() returns trigger language plpgsql as $$ begin
        perform pg_advisory_xact_lock_shared(7); return null; end $$;
      create constraint trigger wait_for_gate after insert on slow deferrable initially deferred
      for each row execute function wait_for_gate();
      select pg_advisory_lock(7)`);
    await slow.run('begin');
    await slow.publish({ topic: 'steps', viewer, payload: 'slow' });
    await slow.run('insert into slow values (1)');
    const committed = slow.run('commit');
    await expect
      .poll(() => gate.run(`select 1 from pg_locks where locktype = 'advisory' and objid = 7 and not granted`), {
        timeout: 20_000,
      })
      .toHaveLength(1);
    for (let round = 0; round < 100; round++) await quick.publish({ topic: 'steps', viewer, payload: String(round) });
    await fixture.until(100);
    await gate.run('select pg_advisory_unlock(7)');
    await committed;
    await quick.publish({ topic: 'steps', viewer, payload: 'last' });
    await fixture.until(102);
    expect(fixture.arrived.get(viewer)?.slice(-3)).toEqual(['99', 'slow', 'last']);
  });

  it('follows a lock: who waited for a row that another has changed comes after it', async () => {
    const fixture = await open(1);
    fixture.startRelay();
    const [viewer] = fixture.topics.map(({ owner }) => owner) as [string];
    const [first, second] = [await connect(fixture), await connect(fixture)];
    await first.run('create table stock (left_over integer); insert into stock values (1)');
    const expected: string[] = [];
    for (let round = 0; round < 20; round++) {
      await second.run('begin');
      await second.publish({ topic: 'steps', viewer, payload: `second ${round}` });
      await first.run('begin; update stock set left_over = left_over + 1');
      const waiting = second.run('update stock set left_over = left_over - 1');
      await first.publish({ topic: 'steps', viewer, payload: `first ${round}` });
      await first.run('commit');
      await waiting;
      await second.run('commit');
      expected.push(`first ${round}`, `second ${round}`);
    }
    await fixture.until(expected.length);
    expect(fixture.arrived.get(viewer)).toEqual(expected);
  });

  it('keeps what others publish over HTTP in the same statement', async () => {
    const fixture = await open(1);
    fixture.startRelay();
    const sql = await connect(fixture);
    const [topic] = fixture.topics;
    const bySql = Array.from({ length: 300 }, (_, index) => `sql ${index}`);
    const byHttp = Array.from({ length: 300 }, (_, index) => `http ${index}`);
    await Promise.all([
      (async () => {
        for (const payload of bySql) await sql.publish({ topic: 'steps', viewer: topic!.owner, payload });
      })(),
      ...byHttp.map((payload) => fixture.bus.publish([{ topic: topic!, payload }])),
    ]);
    await fixture.until(600);
    const arrived = fixture.arrived.get(topic!.owner) ?? [];
    expect(arrived.filter((payload) => payload.startsWith('sql'))).toEqual(bySql);
    expect(arrived.filter((payload) => payload.startsWith('http'))).toEqual(byHttp);
  });
});
