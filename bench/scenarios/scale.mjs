import { microsPerEvent } from '../lib/bench.mjs';

/** The same at 15,000 sockets. Yoga is left out: it needs longer than a tick. */
export default {
  name: 'scale',
  title: 'One event to each of 15,000 sockets',
  async run(bench) {
    const sockets = bench.quick ? 4000 : 15_000;
    const options = { sockets, tickMs: bench.quick ? 400 : 1500, ticks: 6, warmup: 3 };
    const names = bench.servers(['ws', 'sallyport', 'sallyport-resumable', 'graphql-ws', 'nest', 'mercurius']);
    const figures = await bench.interleaved(names, async (name) => ({
      micros: microsPerEvent(await bench.perTickedEvent(name, options)),
    }));
    return [
      {
        id: 'delivery-15000',
        title: `CPU per delivered event, ${sockets.toLocaleString('en')} sockets`,
        unit: 'µs',
        values: figures.micros,
        targets: [{ server: 'sallyport', atMost: 1.3, against: 'ws' }],
        chart: true,
      },
    ];
  },
};
