import { check, microsPerEvent } from '../lib/bench.mjs';

const CALIBRATION_PER_SECOND = 10_000;

/**
 * From publishing inside the server to the frame at the reader, evenly paced, at half of the rate that saturates the
 * server's core.
 */
export default {
  name: 'latency',
  title: 'Latency at half of full load',
  async run(bench) {
    const sockets = bench.quick ? 500 : 2000;
    const seconds = bench.quick ? 1.5 : 3;
    const figures = await bench.interleaved(bench.servers(['ws', 'sallyport', 'nest']), (name) =>
      bench.withSockets(name, { people: sockets, source: true }, async ({ server, loader }) => {
        const paced = (perSecond) => {
          const count = Math.round(perSecond * seconds);
          const options = { pid: server.pid, count, stamped: true, timeoutMs: seconds * 3000 + 5000 };
          return loader.counted(options, () => server.tell({ pace: { perSecond, seconds } }));
        };
        check(name, await paced(CALIBRATION_PER_SECOND));
        const perSecond = 0.5e6 / microsPerEvent(await paced(CALIBRATION_PER_SECOND));
        // Twice, since the first run at this rate still includes compilation.
        check(name, await paced(perSecond));
        const half = await paced(perSecond);
        check(name, half);
        return { p50: half.latencyMs.p50, p99: half.latencyMs.p99, perSecond };
      }),
    );
    return [
      {
        id: 'latency-p99',
        title: `Latency at half of full load, p99, ${sockets.toLocaleString('en')} sockets`,
        unit: 'ms',
        values: figures.p99,
        targets: [{ server: 'sallyport', atMost: 1.3, against: 'ws' }],
        chart: true,
      },
      { id: 'latency-p50', title: 'Latency at half of full load, median', unit: 'ms', values: figures.p50 },
      {
        id: 'latency-rate',
        title: 'The half load of each server in these runs',
        unit: 'events/s',
        higherIsBetter: true,
        values: figures.perSecond,
      },
    ];
  },
};
