import { createServer } from 'node:http';
import { freePort } from '../../scripts/free-port.mjs';
import { check, microsPerEvent } from '../lib/bench.mjs';
import { Loader } from '../lib/loader.mjs';

/** The share of traces that each of the compared servers records; null: it has no endpoint. */
const SHARES = { off: null, 'one-percent': '0.01', all: '1' };

/** A collector that accepts everything. Its CPU time is that of this process, and not counted. */
async function startCollector() {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

/** A server with its sockets, which `publish(batch, count)` publishes to. */
async function startTraced(bench, name, collector, sockets) {
  const PORT = String(await freePort());
  const tracing = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: SHARES[name],
  };
  const server = await bench.serve('sallyport', {
    people: sockets,
    env: { PORT, ...(SHARES[name] === null ? {} : tracing) },
  });
  const loader = new Loader();
  const { pid, port, graphql, clients, viewers } = server;
  const opening = await loader.command('open', { pid, port, graphql, clients, atOnce: 128, base: 1 });
  if (opening.failed > 0) throw new Error(`${name}: ${opening.failed} sockets did not open`);
  const target = { pid, viewers, ...(await server.publish()) };
  return {
    publish: async (batch, count) => {
      const figures = await loader.command('publish', { ...target, batch, count });
      check(name, figures);
      return microsPerEvent(figures);
    },
    stop: async () => {
      await loader.stop();
      await server.stop();
    },
  };
}

/**
 * CPU of a server per event that is published over HTTP and delivered, with and without traces. All servers are up at
 * once and take short turns, because differences of a few per cent are less than what changes on a machine in a minute.
 */
export default {
  name: 'traces',
  title: 'Traces',
  async run(bench) {
    const names = Object.keys(SHARES);
    const [sockets, rounds, batched, single] = bench.quick ? [200, 8, 4_000, 400] : [500, 24, 10_000, 1_000];
    const collector = await startCollector();
    const servers = {};
    const figures = { batched: {}, single: {} };
    const note = (kind, name, value) => (figures[kind][name] ??= []).push(value);
    try {
      for (const name of names) servers[name] = await startTraced(bench, name, collector, sockets);
      for (const name of names) await servers[name].publish(100, 5 * batched);
      for (const name of names) await servers[name].publish(1, 5 * single);
      for (let round = 0; round < rounds; round++)
        for (let turn = 0; turn < names.length; turn++) {
          const name = names[(round + turn) % names.length];
          note('batched', name, await servers[name].publish(100, batched));
          note('single', name, await servers[name].publish(1, single));
        }
    } finally {
      for (const server of Object.values(servers)) await server.stop();
      collector.stop();
    }
    const row = (id, title, values) => ({
      id,
      title,
      unit: 'µs',
      values,
      base: 'off',
      targets: [{ server: 'one-percent', atMost: 1.03, against: 'off' }],
    });
    return [
      row('traces-cpu', 'CPU per event published over HTTP in batches of 100 and delivered', figures.batched),
      row('traces-single', 'The same, one event in each request', figures.single),
    ];
  },
};
