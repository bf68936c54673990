import { microsPerEvent } from '../lib/bench.mjs';

/** How the cost of one event grows from 1,000 to 15,000 sockets, of which a process with 20,000 files has room for 15,800. */
export default {
  name: 'growth',
  title: 'Cost per event from 1,000 to 15,000 sockets',
  async run(bench) {
    const [few, many] = bench.quick ? [500, 4000] : [1000, 15_000];
    const figures = await bench.interleaved(bench.servers(['ws', 'sallyport']), async (name) => {
      const small = await bench.perTickedEvent(name, { sockets: few, tickMs: 50, ticks: 40, warmup: 40 });
      const large = await bench.perTickedEvent(name, {
        sockets: many,
        tickMs: bench.quick ? 200 : 600,
        ticks: 8,
        warmup: 4,
      });
      return { growth: microsPerEvent(large) / microsPerEvent(small) };
    });
    return [
      {
        id: 'growth',
        title: `CPU per event at ${many.toLocaleString('en')} sockets, as a multiple of that at ${few.toLocaleString('en')}`,
        unit: '×',
        values: figures.growth,
        targets: [{ server: 'sallyport', atMost: 1.5 }],
      },
    ];
  },
};
