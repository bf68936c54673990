import { freePort } from '../../scripts/free-port.mjs';
import { microsPerEvent } from '../lib/bench.mjs';
import { Loader } from '../lib/loader.mjs';

const OBSERVED = 'sallyport';
const UNOBSERVED = 'sallyport-unobserved';
const WITHOUT = {
  // The server's own switch: audit events are then only logged, and LOG_LEVEL=warn drops them.
  env: { AUDIT_RETENTION_DAYS: '0' },
  nodeArgs: ['--import', new URL('../lib/unobserved.mjs', import.meta.url).href],
};
/** Far more often than Prometheus asks, which is every 15 seconds in deploy/. */
const SCRAPE_EVERY_MS = 2_000;
/** How often every socket gets an event in one turn. */
const STEPS = 10;
/** After sockets were closed, until the server has noticed. */
const CLOSED_WITHIN_MS = 700;

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Reads a server's metrics until the returned function is called; that one throws if a scrape failed. */
function scrape({ port }) {
  let failed = null;
  const timer = setInterval(() => {
    fetch(`http://127.0.0.1:${port}/metrics`)
      .then((answer) => answer.text())
      .then((text) => text.includes('sallyport_sockets') || (failed ??= 'no metrics'))
      .catch((error) => (failed ??= error.message));
  }, SCRAPE_EVERY_MS);
  return () => {
    clearInterval(timer);
    if (failed) throw new Error(`a scrape failed: ${failed}`);
  };
}

/** A server that opens sockets and delivers events in turns. */
async function start(bench, name, sockets) {
  const PORT = String(await freePort());
  const { env = {}, nodeArgs = [] } = name === OBSERVED ? {} : WITHOUT;
  const server = await bench.serve('sallyport', { people: sockets, source: true, env: { ...env, PORT }, nodeArgs });
  const { pid, port, graphql, clients } = server;
  const loader = new Loader();
  const stopScraping = name === OBSERVED ? scrape(server) : () => {};
  let base = name === OBSERVED ? 1 : 100;
  return {
    /** Opens all sockets; CPU per opening, in µs. */
    async open() {
      const opening = await loader.command('open', { pid, port, graphql, clients, atOnce: 64, base: base++ });
      if (opening.failed > 0) throw new Error(`${name}: ${opening.failed} sockets did not open`);
      return (opening.serverCpuSeconds / sockets) * 1e6;
    },
    async close() {
      await loader.command('close');
      await after(CLOSED_WITHIN_MS);
    },
    /** One event to every socket, several times; CPU per event, in µs. */
    async deliver() {
      const total = { serverCpuSeconds: 0, events: 0 };
      for (let step = 0; step < STEPS; step++) {
        const options = { pid, count: sockets, timeoutMs: 20_000 };
        const figures = await loader.counted(options, () => server.tell({ burst: 1 }));
        if (figures.missing > 0) throw new Error(`${name}: ${figures.missing} events did not arrive`);
        total.serverCpuSeconds += figures.serverCpuSeconds;
        total.events += figures.events;
      }
      return microsPerEvent(total);
    },
    async stop() {
      stopScraping();
      await loader.stop();
      await server.stop();
    },
  };
}

/**
 * What audit events and metrics cost, for each event and for each socket that opens. Both servers are up at once and
 * take short turns, because differences of a few per cent are less than what changes on a machine in a minute.
 */
export default {
  name: 'observing',
  title: 'With audit events and metrics, and without',
  async run(bench) {
    const [sockets, openings, deliveries] = bench.quick ? [500, 8, 16] : [1_000, 24, 60];
    const servers = {};
    const figures = { opening: {}, event: {} };
    const names = [OBSERVED, UNOBSERVED];
    /** Each server does the same once, the other one first in every second round. */
    const turns = async (kind, count, warmUp, measure) => {
      for (let round = 0; round < warmUp + count; round++)
        for (const name of round % 2 === 0 ? names : names.toReversed()) {
          const value = await measure(servers[name]);
          if (round >= warmUp) (figures[kind][name] ??= []).push(value);
        }
    };
    try {
      for (const name of names) servers[name] = await start(bench, name, sockets);
      await turns('opening', openings, 4, async (server) => {
        const micros = await server.open();
        await server.close();
        return micros;
      });
      for (const name of names) await servers[name].open();
      await turns('event', deliveries, 10, (server) => server.deliver());
    } finally {
      for (const server of Object.values(servers)) await server.stop();
    }
    const measure = (id, title, values) => ({
      id,
      title: `${title}, ${sockets.toLocaleString('en')} sockets, a scrape every ${SCRAPE_EVERY_MS / 1000} seconds`,
      unit: 'µs',
      base: UNOBSERVED,
      values,
      targets: [{ server: OBSERVED, atMost: 1.03, against: UNOBSERVED }],
    });
    return [
      measure('observing-event', 'CPU per delivered event with audit and metrics', figures.event),
      measure('observing-opening', 'CPU per opening with audit and metrics', figures.opening),
    ];
  },
};
