import { check, microsPerEvent } from '../lib/bench.mjs';

const BURST = 20;

/** 20 events to each socket in one turn of the loop, published from inside the process. */
export default {
  name: 'bursts',
  title: 'Bursts of 20 events to each socket in one turn of the loop',
  async run(bench) {
    const sockets = bench.quick ? 200 : 1000;
    const frames = sockets * BURST;
    const names = bench.servers(['ws', 'sallyport', 'graphql-ws', 'nest', 'mercurius']);
    const figures = await bench.interleaved(names, (name) =>
      bench.withSockets(name, { people: sockets, source: true }, async ({ server, loader }) => {
        const total = { serverCpuSeconds: 0, events: 0 };
        for (let turn = 0; turn < 8; turn++) {
          const one = await loader.counted({ pid: server.pid, count: frames, timeoutMs: 20_000 }, () =>
            server.tell({ burst: BURST }),
          );
          check(name, one);
          if (turn < 3) continue;
          total.serverCpuSeconds += one.serverCpuSeconds;
          total.events += one.events;
        }
        return { micros: microsPerEvent(total) };
      }),
    );
    return [
      {
        id: 'bursts',
        title: `CPU per delivered event, bursts of ${BURST} to each of ${sockets.toLocaleString('en')} sockets`,
        unit: 'µs',
        values: figures.micros,
        targets: [{ server: 'sallyport', atMost: 0.6, against: 'ws' }],
        chart: true,
      },
    ];
  },
};
