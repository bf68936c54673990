import { check, isLimitedByLoader, microsPerEvent } from '../lib/bench.mjs';

/** The feeds, batch sizes, servers and targets; the baseline is the bare loop of `ws`. */
const RUNS = [
  { feed: 'user_count', batch: 100, servers: ['ws', 'sallyport', 'nest'], atMost: 1.2 },
  { feed: 'user_count', batch: 1_000, servers: ['ws', 'sallyport'], atMost: 1.2 },
  { feed: 'notifications', batch: 100, servers: ['ws', 'sallyport'], atMost: 1.6 },
  { feed: 'notifications', batch: 1_000, servers: ['ws', 'sallyport'], atMost: 1.6 },
];

/** Requests before the measurement, and events in each: what runs once in a request is compiled late. */
const WARM_UP = { requests: 5_000, batch: 20 };

/** How often one figure is measured again where the load generator was the limit: with bare `ws` it is close to it. */
const MOST_REPEATS = 5;

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
  const figures = await bench.interleaved(bench.servers(servers), (name) =>
    bench.withSockets(name, { people, feed }, async ({ server, loader }) => {
      const publish = { pid: server.pid, viewers: server.viewers, feed, batch, ...(await server.publish()) };
      await loader.command('publish', { ...publish, batch: WARM_UP.batch, count: WARM_UP.requests * WARM_UP.batch });
      await loader.command('publish', { ...publish, count: 40_000 });
      let one = await loader.command('publish', { ...publish, count: 40_000 });
      for (let again = 0; again < MOST_REPEATS && isLimitedByLoader(one); again++)
        one = await loader.command('publish', { ...publish, count: 40_000 });
      check(name, one);
      return { micros: microsPerEvent(one), perSecond: one.events / one.wallSeconds };
    }),
  );
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
