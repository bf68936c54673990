import { check, microsPerEvent } from '../lib/bench.mjs';

const BATCH = 100;

/** Events that another backend publishes over HTTP. Only this project checks a key, a viewer and a payload. */
export default {
  name: 'publish',
  title: 'Published over HTTP',
  async run(bench) {
    const sockets = bench.quick ? 500 : 2000;
    const names = bench.servers(['ws', 'sallyport', 'nest']);
    const figures = await bench.interleaved(names, (name) =>
      bench.withSockets(name, { people: sockets }, async ({ server, loader }) => {
        const publish = { pid: server.pid, viewers: server.viewers, batch: BATCH, ...(await server.publish()) };
        await loader.command('publish', { ...publish, count: 10_000 });
        const one = await loader.command('publish', { ...publish, count: 40_000 });
        check(name, one);
        return { micros: microsPerEvent(one), perSecond: one.events / one.wallSeconds };
      }),
    );
    return [
      {
        id: 'publish-cpu',
        title: `CPU per event published over HTTP in batches of ${BATCH} and delivered (only Sallyport checks key, viewer and payload)`,
        unit: 'µs',
        values: figures.micros,
      },
      {
        id: 'publish-rate',
        title: 'The same, events per second',
        unit: 'events/s',
        higherIsBetter: true,
        values: figures.perSecond,
      },
    ];
  },
};
