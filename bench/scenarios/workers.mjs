import { readFileSync } from 'node:fs';
import { check } from '../lib/bench.mjs';
import { cpuSeconds } from '../lib/proc.mjs';
import { hasRedis, ownRedis } from '../lib/redis.mjs';

/** What 2 workers deliver, beside 1, on Redis: counted in CPU time, as if each worker had a core of its own. */
export default {
  name: 'workers',
  title: 'Several workers behind one port',
  async run(bench) {
    if (!hasRedis) {
      bench.log('  there is no redis-server here: skipped');
      return [];
    }
    const redis = await ownRedis();
    try {
      return tables(
        await bench.interleaved(['1 worker', '2 workers'], (name) => measure(bench, redis, Number(name[0]))),
      );
    } finally {
      await redis.stop();
    }
  },
};

async function measure(bench, redis, workers) {
  const people = bench.quick ? 500 : 2_000;
  const env = { REDIS_URL: redis.url, WORKERS: String(workers) };
  const beforeOpening = workers > 1 ? (server) => allServe(server, workers) : undefined;
  return bench.withSockets('sallyport-redis', { people, env, beforeOpening }, async ({ server, loader }) => {
    const publish = { pid: server.pid, viewers: server.viewers, batch: 100, inFlight: 8, ...(await server.publish()) };
    await loader.command('publish', { ...publish, count: 20_000 });
    const processes = workers > 1 ? workersOf(server.pid) : [server.pid];
    const others = [redis.pid, ...(workers > 1 ? [server.pid] : [])];
    const before = [processes, others].map((pids) => pids.map(cpuSeconds));
    const figures = await loader.command('publish', { ...publish, count: 40_000 });
    const [own, other] = [processes, others].map((pids, at) => pids.map((pid, i) => cpuSeconds(pid) - before[at][i]));
    check(`${workers} workers`, figures);
    const micros = (seconds) => (seconds / figures.events) * 1e6;
    return {
      perSecond: figures.events / Math.max(...own),
      micros: micros(own.reduce((sum, one) => sum + one)),
      redis: micros(other[0]),
      primary: micros(other[1] ?? 0),
      generator: micros(figures.loaderCpuSeconds),
    };
  });
}

const workersOf = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);

/** The first worker is ready before the others start. */
async function allServe({ port }, workers) {
  const deadline = performance.now() + 60_000;
  const answered = `sallyport_workers{state="answered"} ${workers}`;
  for (;;) {
    const page = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' } });
    if ((await page.text()).includes(answered)) return;
    if (performance.now() > deadline) throw new Error('not all workers serve after 60 s');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function tables(figures) {
  const cost = (id, title, note) => ({
    id: `workers-${id}`,
    title,
    unit: 'µs',
    base: '1 worker',
    values: figures[id],
    note,
  });
  return [
    {
      id: 'workers',
      title: 'Events per second, published over HTTP in batches of 100, with a core for each worker',
      unit: 'events/s',
      base: '1 worker',
      higherIsBetter: true,
      values: figures.perSecond,
      targets: [{ server: '2 workers', atLeast: 1.7, against: '1 worker' }],
      note: 'From the CPU time of the busiest worker. Redis and the load generator have other cores.',
    },
    cost('micros', 'CPU of all workers per event'),
    cost('redis', 'CPU of Redis per event', 'One Redis thread serves all workers.'),
    {
      id: 'workers-primary',
      title: 'CPU of the primary per event',
      unit: 'µs',
      base: '2 workers',
      values: { '2 workers': figures.primary['2 workers'] },
      note: 'It gathers metrics and hears from its workers every second; before Node 22.12 it also accepts connections.',
    },
    cost('generator', 'CPU of the load generator per event, which publishes and receives'),
  ];
}
