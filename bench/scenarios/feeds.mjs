import { buildPackage } from '../../scripts/build-package.mjs';
import { check, microsPerEvent } from '../lib/bench.mjs';

const TURNS = 150;
const WARM_UP = 50;
/** Milliseconds between the events of two feeds. */
const GAP_MS = 4;
const FEEDS = ['user_count', 'second_count', 'third_count'];

/** Three feeds on each socket, whose events are a few milliseconds apart, with and without `deliverWithin: 20`. */
export default {
  name: 'feeds',
  title: 'Three feeds on each socket',
  async run(bench) {
    await buildPackage();
    const people = bench.quick ? 500 : 1000;
    const names = ['sallyport-express', 'sallyport-express-20'];
    const figures = await bench.interleaved(names, (name) => {
      const env = { DELIVER_WITHIN: name === names[0] ? '0' : '20' };
      const options = { people, feed: FEEDS, env };
      return bench.withSockets('sallyport-express', options, async ({ server, loader }) => {
        const total = { serverCpuSeconds: 0, events: 0 };
        for (let turn = 0; turn < TURNS; turn++) {
          const count = people * FEEDS.length;
          const one = await loader.counted({ pid: server.pid, count, timeoutMs: 20_000 }, () =>
            server.tell({ gapMs: GAP_MS }),
          );
          check(name, one);
          if (turn < WARM_UP) continue;
          total.serverCpuSeconds += one.serverCpuSeconds;
          total.events += one.events;
        }
        return { micros: microsPerEvent(total) };
      });
    });
    return [
      {
        id: 'feeds',
        title: `CPU per delivered event, three feeds on each of ${people.toLocaleString('en')} sockets, events ${GAP_MS} ms apart`,
        unit: 'µs',
        values: figures.micros,
        targets: [{ server: names[1], atMost: 0.6, against: names[0] }],
      },
    ];
  },
};
