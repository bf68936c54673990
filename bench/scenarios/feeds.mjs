import { buildPackage } from '../../scripts/build-package.mjs';
import { checkArrived, checkNotLimited, microsPerEvent } from '../lib/bench.mjs';

/** Events of one person's feeds are one step apart; the next twentieth of the people starts at each step. */
const STEP_MS = 4;
const GROUPS = 20;
const ROUNDS = { warmUp: 30, ofTurn: 10, turns: 10 };
const FEEDS = ['user_count', 'second_count', 'third_count'];

/** Three feeds on each socket, whose events are a few milliseconds apart, with and without `deliverWithin: 20`. */
export default {
  name: 'feeds',
  title: 'Three feeds on each socket',
  async run(bench) {
    await buildPackage();
    const people = 1000;
    const names = ['sallyport-express', 'sallyport-express-20'];
    const figures = await bench.inTurns(names, {
      turns: ROUNDS.turns,
      start: async (name) => {
        const env = { DELIVER_WITHIN: name === names[0] ? '0' : '20' };
        const opened = await bench.openSockets('sallyport-express', { people, feed: FEEDS, env });
        const paced = (rounds) => pacedRounds(opened, people, rounds);
        await paced(ROUNDS.warmUp);
        return { ...opened, name, paced };
      },
      turn: ({ paced }) => paced(ROUNDS.ofTurn),
      end: (sums, { name }) => {
        checkNotLimited(name, sums);
        return { micros: microsPerEvent(sums) };
      },
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

/** The next events of all feeds to all people, this often. */
async function pacedRounds({ server, loader }, people, rounds) {
  const count = people * FEEDS.length * rounds;
  const figures = await loader.counted({ pid: server.pid, count, timeoutMs: 60_000 }, () =>
    server.tell({ paced: { stepMs: STEP_MS, groups: GROUPS, rounds } }),
  );
  checkArrived('sallyport-express', figures);
  const { events, serverCpuSeconds, loaderCpuSeconds, wallSeconds } = figures;
  return { events, serverCpuSeconds, loaderCpuSeconds, wallSeconds };
}
