import { microsPerEvent } from '../lib/bench.mjs';

/** The same at 15,000 sockets, without the servers that behaved like another one at 2,000. */
export default {
  name: 'scale',
  title: 'One event to each of many sockets',
  async run(bench) {
    const sockets = bench.quick ? 4000 : 15_000;
    const options = { sockets, tickMs: bench.quick ? 240 : 900, ticks: 8, warmup: 4 };
    const names = bench.servers(['ws', 'sallyport', 'sallyport-resumable', 'nest', 'mercurius']);
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
