import { buildPackage } from '../../scripts/build-package.mjs';
import { check, microsPerEvent } from '../lib/bench.mjs';

/** Events of one person's feeds are one step apart; the next twentieth of the people starts at each step. */
const STEP_MS = 4;
const GROUPS = 20;
const ROUNDS = { warmUp: 30, measured: 100 };
const FEEDS = ['user_count', 'second_count', 'third_count'];

/** Three feeds on each socket, whose events are a few milliseconds apart, with and without `deliverWithin: 20`. */
export default {
  name: 'feeds',
  title: 'Three feeds on each socket',
  async run(bench) {
    await buildPackage();
    const people = 1000;
    const names = ['sallyport-express', 'sallyport-express-20'];
    const figures = await bench.interleaved(names, (name) => {
      const env = { DELIVER_WITHIN: name === names[0] ? '0' : '20' };
      const options = { people, feed: FEEDS, env };
      return bench.withSockets('sallyport-express', options, async ({ server, loader }) => {
        const paced = (rounds) =>
          loader.counted({ pid: server.pid, count: people * FEEDS.length * rounds, timeoutMs: 60_000 }, () =>
            server.tell({ paced: { stepMs: STEP_MS, groups: GROUPS, rounds } }),
          );
        await paced(ROUNDS.warmUp);
        const figures = await paced(ROUNDS.measured);
        check(name, figures);
        return { micros: microsPerEvent(figures) };
      });
    });
    return [
      {
        id: 'feeds',
        title: `CPU per delivered event, three feeds on each of ${people.toLocaleString('en')} sockets, events ${STEP_MS} ms apart, an even load`,
        unit: 'µs',
        values: figures.micros,
        targets: [{ server: names[1], atMost: 0.6, against: names[0] }],
      },
    ];
  },
};
