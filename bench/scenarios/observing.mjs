import { check, microsPerEvent } from '../lib/bench.mjs';

const WITHOUT = {
  // The server's own switch: audit events are then only logged, and LOG_LEVEL=warn drops them.
  env: { AUDIT_RETENTION_DAYS: '0' },
  nodeArgs: ['--import', new URL('../lib/unobserved.mjs', import.meta.url).href],
};
/** Far more often than Prometheus asks. */
const SCRAPE_EVERY_MS = 1_000;

/** Reads a server's metrics every second until the returned function is called; that one returns how often it did. */
function scrape({ port }) {
  let scrapes = 0;
  let failed = null;
  const timer = setInterval(() => {
    fetch(`http://127.0.0.1:${port}/metrics`)
      .then((answer) => answer.text())
      .then((text) => (text.includes('sallyport_sockets') ? (scrapes += 1) : (failed ??= 'no metrics')))
      .catch((error) => (failed ??= error.message));
  }, SCRAPE_EVERY_MS);
  return () => {
    clearInterval(timer);
    if (failed) throw new Error(`a scrape failed: ${failed}`);
    return scrapes;
  };
}

/** What audit events and metrics cost, with a scrape every second: for each event, and for each socket that opens. */
export default {
  name: 'observing',
  title: 'With audit events and metrics, and without',
  async run(bench) {
    const sockets = bench.quick ? 1_000 : 4_000;
    const [ticks, warmup] = bench.quick ? [25, 25] : [60, 20];
    const figures = await bench.interleaved(['sallyport', 'sallyport-unobserved'], async (name) => {
      const isObserved = name === 'sallyport';
      let stop = () => 0;
      const measureBoth = async ({ server, loader, opening }) => {
        const counted = await loader.command('ticks', {
          pid: server.pid,
          warmup: warmup * sockets,
          count: ticks * sockets,
          quietMs: 25,
          timeoutMs: 120_000,
        });
        check(name, counted);
        const scrapes = stop();
        if (isObserved) bench.log(`    scraped ${scrapes} times`);
        return { micros: microsPerEvent(counted), opening: (opening.serverCpuSeconds / sockets) * 1e6 };
      };
      const options = {
        people: sockets,
        tickMs: 150,
        ...(isObserved ? {} : WITHOUT),
        beforeOpening: (server) => {
          if (isObserved) stop = scrape(server);
        },
      };
      return bench.withSockets(name, options, measureBoth);
    });
    const target = { server: 'sallyport', atMost: 1.03, against: 'sallyport-unobserved' };
    const measure = (id, title, values) => ({
      id,
      title: `${title}, ${sockets.toLocaleString('en')} sockets, a scrape every second`,
      unit: 'µs',
      base: 'sallyport-unobserved',
      values,
      targets: [target],
    });
    return [
      measure('observing-event', 'CPU per delivered event with audit and metrics', figures.micros),
      measure('observing-opening', 'CPU per opening with audit and metrics', figures.opening),
    ];
  },
};
