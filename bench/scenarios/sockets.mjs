const SETTLE_MS = 1500;
const QUICK_SETTLE_MS = 400;

/** Opening many sockets at once, and the memory of each when it is subscribed and idle. */
export default {
  name: 'sockets',
  title: 'Opening sockets, and keeping them',
  async run(bench) {
    const sockets = bench.quick ? 2000 : 15_000;
    const names = bench.servers(bench.quick ? ['ws', 'sallyport', 'nest'] : ['ws', 'sallyport', 'nest', 'mercurius']);
    const figures = await bench.interleaved(names, async (name) => {
      let before = 0;
      const beforeOpening = async (server) => {
        before = await settled(bench, server);
      };
      const options = { people: sockets, nodeArgs: ['--expose-gc', '--import', COLLECT], beforeOpening };
      return bench.withSockets(name, options, async ({ server, opening }) => {
        const after = await settled(bench, server);
        return {
          kib: (after - before) / sockets / 1024,
          perSecond: sockets / opening.seconds,
          micros: (opening.serverCpuSeconds / sockets) * 1e6,
          loaderBusy: opening.loaderCpuSeconds / opening.seconds,
        };
      });
    });
    return measures(sockets.toLocaleString('en'), figures);
  },
};

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
