import { microsPerEvent } from '../lib/bench.mjs';

/** 1,000 people with 10 tabs each: an event is rendered once and written ten times. */
export default {
  name: 'tabs',
  title: '10 tabs of each of 1,000 people',
  async run(bench) {
    const people = bench.quick ? 200 : 1000;
    const options = { sockets: people * 10, tabs: 10, tickMs: bench.quick ? 120 : 600, ticks: 10, warmup: 5 };
    const names = bench.servers(['ws', 'sallyport', 'nest', 'mercurius']);
    const figures = await bench.interleaved(names, async (name) => ({
      micros: microsPerEvent(await bench.perTickedEvent(name, options)),
    }));
    return [
      {
        id: 'tabs',
        title: `CPU per delivered event, 10 tabs of each of ${people.toLocaleString('en')} people`,
        unit: 'µs',
        values: figures.micros,
        targets: [{ server: 'sallyport', atMost: 1, against: 'ws' }],
        chart: true,
      },
    ];
  },
};
