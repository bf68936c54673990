import { microsPerEvent } from '../lib/bench.mjs';

/** The servers of a first look. */
const QUICK = ['ws', 'sallyport', 'graphql-ws', 'nest'];

/** One event to each of 2,000 sockets of different people, published by the server's own tick. */
export default {
  name: 'delivery',
  title: 'One event to each socket',
  async run(bench) {
    const sockets = bench.quick ? 1000 : 2000;
    // As fast as the slowest server can: keep-alive and timers cost the same per second, however few events there are.
    const options = {
      sockets,
      tickMs: bench.quick ? 60 : 100,
      ticks: bench.quick ? 25 : 40,
      warmup: bench.quick ? 40 : 25,
    };
    const figures = await bench.interleaved(bench.servers(bench.quick ? QUICK : undefined), async (name) => ({
      micros: microsPerEvent(await bench.perTickedEvent(name, options)),
    }));
    return [
      {
        id: 'delivery-2000',
        title: `CPU per delivered event, ${sockets.toLocaleString('en')} sockets`,
        unit: 'µs',
        values: figures.micros,
        targets: [
          { server: 'sallyport', atMost: 1.1, against: 'ws' },
          { server: 'sallyport-resumable', atMost: 1.25, against: 'ws' },
          ...['nest', 'graphql-ws', 'mercurius', 'yoga'].map((against) => ({
            server: 'sallyport',
            atMost: 0.5,
            against,
          })),
        ],
        chart: true,
      },
    ];
  },
};
