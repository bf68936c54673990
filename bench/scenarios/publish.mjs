import { checkArrived, checkNotLimited, microsPerEvent } from '../lib/bench.mjs';

/** The feeds, batch sizes, servers and targets; the baseline is the bare loop of `ws`. */
const RUNS = [
  { feed: 'user_count', batch: 100, servers: ['ws', 'sallyport', 'nest'], atMost: 1.2 },
  { feed: 'user_count', batch: 1_000, servers: ['ws', 'sallyport'], atMost: 1.2 },
  { feed: 'notifications', batch: 100, servers: ['ws', 'sallyport'], atMost: 1.6 },
  { feed: 'notifications', batch: 1_000, servers: ['ws', 'sallyport'], atMost: 1.6 },
];

/** Small requests before the measurement, since what runs once in a request is compiled late; then events in batches. */
const WARM_UP = { requests: 5_000, batch: 20, events: 40_000 };

/** Each server publishes this often in a round, one after the other. */
const TURNS = { count: 40, events: 5_000 };

/** Events that another backend publishes over HTTP. Only this project checks the key, viewer and payload. */
export default {
  name: 'publish',
  title: 'Published over HTTP',
  async run(bench) {
    const tables = [];
    for (const run of RUNS) tables.push(...(await measure(bench, run)));
    return tables;
  },
};

async function measure(bench, { feed, batch, servers, atMost }) {
  const people = bench.quick ? 500 : 2000;
  const figures = await bench.inTurns(bench.servers(servers), {
    turns: TURNS.count,
    start: (name) => startWarm(bench, name, { people, feed, batch }),
    turn: ({ publish }) => publish(TURNS.events, batch),
    end: (sums, { name }) => {
      checkNotLimited(name, sums);
      return { micros: microsPerEvent(sums), perSecond: sums.events / sums.wallSeconds };
    },
  });
  const what = `${feed} published over HTTP in batches of ${batch.toLocaleString('en')}`;
  const suffix = feed === 'user_count' && batch === 100 ? '' : `-${feed}-${batch}`;
  return [
    {
      id: `publish-cpu${suffix}`,
      title: `CPU per event of ${what} and delivered (only Sallyport checks key, viewer and payload)`,
      unit: 'µs',
      values: figures.micros,
      targets: [{ server: 'sallyport', atMost, against: 'ws' }],
    },
    {
      id: `publish-rate${suffix}`,
      title: 'The same, events per second',
      unit: 'events/s',
      higherIsBetter: true,
      values: figures.perSecond,
    },
  ];
}

/** A server with its sockets, which `publish` publishes to; its code is compiled. */
async function startWarm(bench, name, { people, feed, batch }) {
  const { server, loader, stop } = await bench.openSockets(name, { people, feed });
  const target = { pid: server.pid, viewers: server.viewers, feed, ...(await server.publish()) };
  const publish = async (count, size) => {
    const figures = await loader.command('publish', { ...target, batch: size, count });
    checkArrived(name, figures);
    const { events, serverCpuSeconds, loaderCpuSeconds, wallSeconds } = figures;
    return { events, serverCpuSeconds, loaderCpuSeconds, wallSeconds };
  };
  await publish(WARM_UP.requests * WARM_UP.batch, WARM_UP.batch);
  await publish(WARM_UP.events, batch);
  return { name, publish, stop };
}
