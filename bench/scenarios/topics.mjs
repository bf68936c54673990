import pg from 'pg';
import { check, microsPerEvent } from '../lib/bench.mjs';
import { crossNodeLatencies } from '../lib/nodes.mjs';
import { cpuSeconds } from '../lib/proc.mjs';
import { bareLatencies, hasRedis, ownRedis } from '../lib/redis.mjs';
import { median } from '../lib/stats.mjs';

const BATCH = 1_000;

/** The cost of Redis, the cost of an event without a subscriber, and the latency between nodes. */
export default {
  name: 'topics',
  title: 'Topics in memory and on Redis',
  async run(bench) {
    if (!hasRedis) {
      bench.log('  there is no redis-server here: skipped');
      return [];
    }
    const redis = await ownRedis();
    try {
      return [
        ...(await delivery(bench, redis)),
        ...(await registered(bench, redis)),
        ...(await acrossNodes(bench, redis)),
      ];
    } finally {
      await redis.stop();
    }
  },
};

const SERVERS = ['sallyport', 'sallyport-redis'];
const on = (name, redis) => (name === 'sallyport-redis' ? { REDIS_URL: redis.url } : {});

/** One node that publishes to itself. */
async function delivery(bench, redis) {
  const people = bench.quick ? 500 : 1_000;
  const figures = await bench.interleaved(SERVERS, async (name) => {
    const env = on(name, redis);
    const ticks = bench.quick ? 20 : 40;
    const ticked = await bench.withSockets(name, { people, tickMs: 250, env }, ({ server, loader }) =>
      loader.command('ticks', {
        pid: server.pid,
        warmup: 10 * people,
        count: ticks * people,
        quietMs: 25,
        timeoutMs: 60_000,
      }),
    );
    check(name, ticked);
    const published = await bench.withSockets(name, { people, env }, async ({ server, loader }) => {
      const publish = {
        pid: server.pid,
        viewers: server.viewers,
        batch: BATCH,
        inFlight: 6,
        ...(await server.publish()),
      };
      await loader.command('publish', { ...publish, count: 20_000 });
      return loader.command('publish', { ...publish, count: 40_000 });
    });
    check(name, published);
    return {
      capacity: 1e6 / microsPerEvent(ticked),
      perSecond: published.events / published.wallSeconds,
      tickMs: (ticked.serverCpuSeconds / ticks) * 1000,
    };
  });
  const more = { base: 'sallyport', higherIsBetter: true, unit: 'events/s' };
  return [
    {
      id: 'topics-capacity',
      title: 'Events that one core of the node delivers, published by its own worker',
      values: figures.capacity,
      ...more,
      targets: [{ server: 'sallyport-redis', atLeast: 0.5, against: 'sallyport' }],
    },
    {
      id: 'topics-published',
      title: `Events per second, published over HTTP in batches of ${BATCH.toLocaleString('en')}`,
      values: figures.perSecond,
      ...more,
      note: 'Redis and the load generator share the other core here.',
    },
    {
      id: 'topics-tick',
      title: `CPU of one tick with ${people.toLocaleString('en')} connected viewers`,
      base: 'sallyport',
      unit: 'ms',
      values: figures.tickMs,
    },
  ];
}

/** The cost of registered users who are not connected. */
async function registered(bench, redis) {
  const deployment = await bench.deployment();
  if (!deployment.database.url) {
    bench.log('  without PostgreSQL nobody can be registered by the million: skipped');
    return [];
  }
  const [few, many] = bench.quick ? [1_000, 100_000] : [1_000, 1_000_000];
  const people = 1_000;
  const label = (number) => `${number.toLocaleString('en')} registered`;
  const values = { unheard: {}, tick: {} };
  for (const count of [few, many]) {
    await register(deployment.database.url, count);
    for (let round = 0; round < bench.repeatCount; round++) {
      const figures = await bench.withSockets(
        'sallyport-redis',
        { people, tickMs: 500, env: on('sallyport-redis', redis) },
        async ({ server, loader }) => {
          const ticks = 10;
          const ticked = await loader.command('ticks', {
            pid: server.pid,
            warmup: 3 * people,
            count: ticks * people,
            quietMs: 50,
            timeoutMs: 60_000,
          });
          check('sallyport-redis', ticked);
          return { tick: (ticked.serverCpuSeconds / ticks) * 1000, unheard: await unheard(server) };
        },
      );
      bench.log(
        `  ${count.toLocaleString('en')} registered: tick ${figures.tick.toFixed(1)} ms, unheard ${figures.unheard.toFixed(1)} µs`,
      );
      for (const key of ['tick', 'unheard']) (values[key][label(count)] ??= []).push(figures[key]);
    }
  }
  return [
    {
      id: 'topics-unheard',
      title: 'CPU per event published to a viewer who is not there',
      base: label(few),
      unit: 'µs',
      values: values.unheard,
      targets: [{ server: label(many), atMost: 1.2, against: label(few) }],
    },
    {
      id: 'topics-registered-tick',
      title: `CPU of one tick, ${people.toLocaleString('en')} connected`,
      base: label(few),
      unit: 'ms',
      values: values.tick,
      targets: [{ server: label(many), absolute: 50 }],
    },
  ];
}

async function register(url, count) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query('SELECT count(*)::int AS there FROM users');
    await client.query(
      `INSERT INTO users (id, email, password_hash, created_at)
       SELECT gen_random_uuid(), 'registered-' || n || '@example.test', 'x', now() FROM generate_series($1::int, $2::int) AS n
       ON CONFLICT DO NOTHING`,
      [rows[0].there, count],
    );
    await client.query('ANALYZE users');
  } finally {
    await client.end();
  }
}

/** CPU microseconds of the server per event for viewers without a socket. */
async function unheard(server) {
  const { url, headers, topic } = await server.publish();
  const requests = 20;
  const post = (first) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({
        events: Array.from({ length: BATCH }, (_, index) => ({
          topic,
          viewer: `user:00000000-0000-4000-8000-${String(first + index + 1).padStart(12, '0')}`,
          payload: 1,
        })),
      }),
    }).then((answer) => answer.text());
  for (let request = 0; request < 5; request++) await post(request * BATCH);
  const before = cpuSeconds(server.pid);
  for (let request = 0; request < requests; request++) await post(request * BATCH);
  return ((cpuSeconds(server.pid) - before) / (requests * BATCH)) * 1e6;
}

/** From a request to one node to the frame on a socket of the other, compared with bare Redis. */
async function acrossNodes(bench, redis) {
  const deployment = await bench.deployment();
  const count = bench.quick ? 100 : 400;
  const values = { ws: [], 'sallyport-redis': [] };
  for (let round = 0; round < bench.repeatCount; round++) {
    values.ws.push(median(await bareLatencies(redis.port, count, 5)));
    values['sallyport-redis'].push(median(await crossNodeLatencies(deployment, { REDIS_URL: redis.url }, count, 5)));
  }
  const difference = values['sallyport-redis'].map((value, round) => value - values.ws[round]);
  return [
    {
      id: 'topics-nodes',
      title: 'From POST /publish on one node to a socket of another, median, above bare Redis publish → subscribe',
      note: `Bare Redis: ${median(values.ws).toFixed(2)} ms; the whole way: ${median(values['sallyport-redis']).toFixed(2)} ms.`,
      unit: 'ms',
      values: { 'sallyport-redis': difference },
      targets: [{ server: 'sallyport-redis', absolute: 2 }],
    },
  ];
}
