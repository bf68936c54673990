import { checkOpened } from '../lib/bench.mjs';

/** Each server opens this many, then the next one does. */
const TURN = 1000;
const SETTLE_MS = 1500;
const QUICK_SETTLE_MS = 400;

/** Opening many sockets at once, and the memory of each when it is subscribed and idle. */
export default {
  name: 'sockets',
  title: 'Opening sockets, and keeping them',
  async run(bench) {
    const count = bench.quick ? 2000 : 15_000;
    const names = bench.servers(bench.quick ? ['ws', 'sallyport', 'nest'] : ['ws', 'sallyport', 'nest', 'mercurius']);
    const figures = await bench.inTurns(names, {
      turns: count / TURN,
      start: (name) => startEmpty(bench, name, count),
      turn: ({ openMore }, index) => openMore(index * TURN),
      end: async ({ seconds, serverCpuSeconds }, { memory, before }) => ({
        kib: ((await memory()) - before) / count / 1024,
        perSecond: count / seconds,
        micros: (serverCpuSeconds / count) * 1e6,
      }),
    });
    return measures(count.toLocaleString('en'), figures);
  },
};

/** A server without sockets. */
async function startEmpty(bench, name, people) {
  let before = 0;
  const beforeOpening = async (server) => {
    before = await settled(bench, server);
  };
  const options = { people, nodeArgs: ['--expose-gc', '--import', COLLECT], beforeOpening, first: 0 };
  const { server, loader, stop } = await bench.openSockets(name, options);
  return {
    before,
    memory: () => settled(bench, server),
    openMore: async (from) => {
      const clients = server.clients.slice(from, from + TURN);
      const opening = await loader.command('openMore', { pid: server.pid, clients });
      checkOpened(name, opening, server);
      const { seconds, serverCpuSeconds } = opening;
      return { seconds, serverCpuSeconds };
    },
    stop,
  };
}

const COLLECT = new URL('../lib/collector.mjs', import.meta.url).href;

/** Resident memory after garbage collection, so that live memory is compared and not the garbage of starting or opening. */
async function settled(bench, server) {
  const pause = () => new Promise((resolve) => setTimeout(resolve, bench.quick ? QUICK_SETTLE_MS : SETTLE_MS));
  await pause();
  for (let i = 0; i < 2; i++) {
    server.child.send({ collect: true });
    await pause();
  }
  return bench.residentBytes(server.pid);
}

function measures(count, figures) {
  return [
    {
      id: 'memory',
      title: `Memory per connected, subscribed, idle socket, ${count} sockets`,
      unit: 'KiB',
      values: figures.kib,
      targets: [{ server: 'sallyport', absolute: 12 }],
      chart: true,
    },
    {
      id: 'opening',
      title: `Opening, ${count} sockets (only Sallyport checks anything)`,
      unit: 'sockets/s',
      higherIsBetter: true,
      values: figures.perSecond,
      targets: [
        { server: 'sallyport', atLeast: 0.5, against: 'ws' },
        { server: 'sallyport', atLeast: 2, against: 'nest' },
      ],
      chart: true,
    },
    { id: 'opening-cpu', title: `Server CPU per opening, ${count} sockets`, unit: 'µs', values: figures.micros },
  ];
}
