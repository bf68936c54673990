import pg from 'pg';
import { check, microsPerEvent } from '../lib/bench.mjs';
import { stamp } from '../lib/pace.mjs';
import { cpuSeconds } from '../lib/proc.mjs';
import { hasRedis, ownRedis } from '../lib/redis.mjs';

const BATCH = 500;
const PACE = 1_000;
const TOPIC = 'user_count';
const WRITERS = `select pid from pg_stat_activity
  where datname = current_database() and backend_type = 'client backend'
    or backend_type in ('walwriter', 'background writer', 'checkpointer')`;

/**
 * Events that another backend publishes by SQL, in transactions of its own, to sockets of a node with its topics in
 * PostgreSQL. Latency is from the call of sallyport.publish, so it includes the caller's own commit. Beside it, the same
 * number of events over HTTP, on a node with its topics in Redis.
 */
export default {
  name: 'sql',
  title: 'Published by SQL',
  async run(bench) {
    const { url } = (await bench.deployment()).database;
    if (!url || !hasRedis) {
      bench.log('  PostgreSQL and Redis are needed: skipped');
      return [];
    }
    const sockets = bench.quick ? 200 : 500;
    const figures = await bench.interleaved(['sql', 'redis'], (name) =>
      name === 'sql' ? bySql(bench, url, sockets) : byHttp(bench, sockets),
    );
    const measure = (id, title, unit, values, more = {}) => ({ id, title, unit, values, ...more });
    const only = (name) => ({ sql: figures[name].sql });
    return [
      measure('sql-latency-p50', `From the call to the frame at ${PACE} transactions/s, median`, 'ms', only('p50'), {
        targets: [{ server: 'sql', absolute: 5 }],
      }),
      measure('sql-latency-p99', 'The same, p99', 'ms', only('p99'), { targets: [{ server: 'sql', absolute: 25 }] }),
      measure('sql-paced-node', 'CPU of the node per event at that rate', 'µs', only('pacedMicros')),
      measure('sql-paced-postgres', 'CPU of PostgreSQL per event at that rate', 'µs', only('pacedPostgres')),
      measure('sql-batches', `Events per second in batches of ${BATCH}`, 'events/s', only('perSecond'), {
        higherIsBetter: true,
      }),
      measure('sql-cpu', 'CPU of the node per event in batches; redis: over HTTP', 'µs', figures.micros, {
        base: 'redis',
        targets: [{ server: 'sql', atMost: 1.5, against: 'redis' }],
      }),
      measure('sql-postgres', 'CPU of PostgreSQL per event in batches', 'µs', only('postgres')),
      measure(
        'sql-singles',
        'Transactions with one event per second, from 8 connections',
        'events/s',
        only('singles'),
        {
          higherIsBetter: true,
        },
      ),
    ];
  },
};

async function bySql(bench, url, sockets) {
  const env = { STORE: 'postgres', USER_COUNT_INTERVAL_SECONDS: '86400' };
  const clients = Array.from({ length: 8 }, () => new pg.Client({ connectionString: url }));
  await Promise.all(clients.map((client) => client.connect()));
  try {
    return await bench.withSockets('sallyport', { people: sockets, env }, async ({ server, loader }) => {
      const context = { server, loader, clients };
      await batches(context, 10_000);
      const many = await batches(context, bench.quick ? 30_000 : 100_000);
      await singles(context, 2_000);
      const one = await singles(context, bench.quick ? 5_000 : 20_000);
      await paced(context, 2);
      const even = await paced(context, bench.quick ? 4 : 10);
      return {
        p50: even.latencyMs.p50,
        p99: even.latencyMs.p99,
        pacedMicros: microsPerEvent(even),
        pacedPostgres: even.postgresMicros,
        perSecond: many.events / many.wallSeconds,
        micros: microsPerEvent(many),
        postgres: many.postgresMicros,
        singles: one.events / one.wallSeconds,
      };
    });
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

/** The same events over HTTP, on Redis. */
async function byHttp(bench, sockets) {
  const redis = await ownRedis();
  try {
    const env = { REDIS_URL: redis.url, USER_COUNT_INTERVAL_SECONDS: '86400' };
    return await bench.withSockets('sallyport', { people: sockets, env }, async ({ server, loader }) => {
      const publish = { pid: server.pid, viewers: server.viewers, batch: BATCH, ...(await server.publish()) };
      await loader.command('publish', { ...publish, count: 10_000 });
      const figures = await loader.command('publish', { ...publish, count: bench.quick ? 30_000 : 100_000 });
      check('redis', figures);
      return { micros: microsPerEvent(figures) };
    });
  } finally {
    await redis.stop();
  }
}

/** Counts the frames of what `publish` publishes, and the CPU time of PostgreSQL's processes meanwhile. */
async function counted({ server, loader, clients }, count, stamped, publish) {
  const { rows } = await clients[0].query(WRITERS);
  const seconds = new Map();
  const postgresSeconds = () => {
    for (const { pid } of rows) seconds.set(pid, secondsOf(pid) ?? seconds.get(pid) ?? 0);
    return [...seconds.values()].reduce((sum, one) => sum + one, 0);
  };
  const before = postgresSeconds();
  const options = { pid: server.pid, count, stamped, timeoutMs: 60_000 };
  const figures = await loader.counted(options, publish);
  check('sql', figures);
  return { ...figures, postgresMicros: ((postgresSeconds() - before) / count) * 1e6 };
}

/** Null if the process has ended, like those of short connections. */
function secondsOf(pid) {
  try {
    return cpuSeconds(pid);
  } catch {
    return null;
  }
}

/** Transactions of {@link BATCH} events on two connections, one after the other. */
function batches(context, count) {
  const { viewers } = context.server;
  let at = 0;
  const event = () => ({ topic: TOPIC, viewer: viewers[at++ % viewers.length], payload: at % 10 });
  const stream = async (client) => {
    while (at < count) {
      const events = JSON.stringify(Array.from({ length: BATCH }, event));
      await client.query('select sallyport.publish_many($1::jsonb)', [events]);
    }
  };
  return counted(context, count, false, () => Promise.all(context.clients.slice(0, 2).map(stream)));
}

const one = { name: 'publish', text: `select sallyport.publish('${TOPIC}', $1, $2::text::jsonb)` };

/** Transactions of one event, one after the other on each connection. */
function singles(context, count) {
  const { viewers } = context.server;
  let at = 0;
  const stream = async (client) => {
    while (at < count) await client.query({ ...one, values: [viewers[at++ % viewers.length], String(at % 10)] });
  };
  return counted(context, count, false, () => Promise.all(context.clients.map(stream)));
}

/** One transaction per millisecond, on a free connection. Late ones are caught up. */
function paced(context, seconds) {
  const { viewers } = context.server;
  const count = PACE * seconds;
  return counted(context, count, true, async () => {
    const started = performance.now();
    let at = 0;
    const stream = async (client) => {
      for (let place = at++; place < count; place = at++) {
        const earlyMs = (place / PACE) * 1000 - (performance.now() - started);
        if (earlyMs > 0) await new Promise((resolve) => setTimeout(resolve, earlyMs));
        await client.query({ ...one, values: [viewers[place % viewers.length], String(stamp())] });
      }
    };
    await Promise.all(context.clients.map(stream));
  });
}
