import { check, microsPerEvent } from '../lib/bench.mjs';
import { message, startChild, stopChild } from '../lib/child.mjs';
import { fileURLToPath } from 'node:url';
import { buildPackage } from '../../scripts/build-package.mjs';

const APP = fileURLToPath(new URL('../lib/host-app.mjs', import.meta.url));
const TURNS = 40;
const WARM_UP = 15;

/** SallyportModule in an Express app: the cost of an event compared with our own server, and what the module adds to the start. */
export default {
  name: 'module',
  title: 'SallyportModule in an Express app',
  async run(bench) {
    await buildPackage();
    const sockets = bench.quick ? 500 : 2000;
    const events = await bench.interleaved(['sallyport', 'sallyport-express'], (name) =>
      bench.withSockets(name, { people: sockets, source: true }, async ({ server, loader }) => {
        const total = { serverCpuSeconds: 0, events: 0 };
        for (let turn = 0; turn < TURNS; turn++) {
          const one = await loader.counted({ pid: server.pid, count: sockets, timeoutMs: 20_000 }, () =>
            server.tell({ burst: 1 }),
          );
          // A turn is so short that the generator reads without a pause, which the CPU time of the server does not notice.
          check(name, { ...one, loaderCpuSeconds: 0 });
          if (turn < WARM_UP) continue;
          total.serverCpuSeconds += one.serverCpuSeconds;
          total.events += one.events;
        }
        return { micros: microsPerEvent(total) };
      }),
    );
    const starts = await bench.interleaved(['app', 'sallyport-express'], (name) =>
      startOf(name === 'app' ? 'no' : 'yes'),
    );
    return [
      {
        id: 'module-event',
        title: `CPU per delivered event, ${sockets.toLocaleString('en')} sockets`,
        unit: 'µs',
        values: events.micros,
        targets: [{ server: 'sallyport-express', atMost: 1.05, against: 'sallyport' }],
      },
      {
        id: 'module-start',
        title: 'From the import of the module to listening, against the app without it',
        unit: 'ms',
        values: starts.ms,
        targets: [],
      },
      {
        id: 'module-start-cpu',
        title: 'The same in CPU time',
        unit: 'ms',
        values: starts.cpuMs,
        targets: [],
      },
    ];
  },
};

async function startOf(withModule) {
  const child = startChild([APP], { core: 0, env: { MODULE: withModule }, label: 'host app' });
  const { ms, cpuMs } = await message(child, ({ ms }) => ms);
  await stopChild(child);
  return { ms, cpuMs };
}
