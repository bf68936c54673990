import { once } from 'node:events';
import { freePort } from '../../scripts/free-port.mjs';
import { stopChild } from '../lib/child.mjs';
import { FEEDS } from '../lib/feeds.mjs';
import { Loader } from '../lib/loader.mjs';
import { openFilesLimit } from '../lib/proc.mjs';
import { hasRedis, ownRedis } from '../lib/redis.mjs';
import { messagesOf } from '../lib/sockets.mjs';

const COLLECT = new URL('../lib/collector.mjs', import.meta.url).href;
const TABS = 5;
/** `MANY_SOCKETS=120000 npm run bench -- many` opens fewer, where two cores cannot keep all of them and their generators alive. */
const SOCKETS = Number(process.env.MANY_SOCKETS ?? 250_000);
/** What a node accepts with `ulimit -n 20000`, the most that this bench may open without the right to raise it. */
const SOCKETS_OF_NODE = 14_000;
const LOADER_RESERVE = 200;
const WARM_UP_SOCKETS = 1_000;

/**
 * As many subscribed sockets as the machine holds, on as many nodes as its limit of open files requires: memory, CPU
 * without events, time to open, to come back after a crash of a node, and to drain. Each is measured once, since a
 * round takes minutes. The sockets come from loopback addresses, 2,000 from each, which need no network namespaces.
 */
export default {
  name: 'many',
  title: 'A quarter of a million sockets',
  async run(bench) {
    const deployment = await bench.deployment();
    if (!deployment.database.url || !hasRedis) {
      bench.log('  skipped: several nodes need PostgreSQL (BENCH_DATABASE_URL) and redis-server');
      return [];
    }
    const sockets = bench.quick ? 8_000 : SOCKETS;
    const ofNode = Math.min(bench.quick ? 4_000 : SOCKETS_OF_NODE, openFilesLimit() - LOADER_RESERVE);
    const redis = await ownRedis();
    const nodes = new ManyNodes(deployment, redis.url, bench);
    try {
      return measuresOf(sockets, await nodes.run(sockets, ofNode));
    } finally {
      await nodes.stop();
      await redis.stop();
    }
  },
};

/** Nodes, each with a load generator of its own. */
class ManyNodes {
  #pairs = [];

  constructor(deployment, redisUrl, bench) {
    this.deployment = deployment;
    this.redisUrl = redisUrl;
    this.bench = bench;
  }

  async run(sockets, ofNode) {
    const people = await this.deployment.people(Math.ceil(sockets / TABS));
    for (let from = 0; from < sockets; from += ofNode) {
      const clients = [];
      for (let at = from; at < Math.min(sockets, from + ofNode); at++)
        clients.push(messagesOf({ token: people[at % people.length].token }, FEEDS.user_count));
      this.#pairs.push({ clients, node: await this.#start(), loader: new Loader(), base: this.#pairs.length + 1 });
    }
    this.bench.log(`  ${this.#pairs.length} nodes have started`);
    await Promise.all(this.#pairs.map((pair) => this.#warmUp(pair)));
    const before = await this.#memory();
    const cpuBefore = this.#cpu();
    const openSeconds = await timed(() => Promise.all(this.#pairs.map((pair) => this.#open(pair))));
    const openCpu = this.#cpu() - cpuBefore;
    this.bench.log(`  ${sockets} sockets have opened in ${openSeconds.toFixed(1)} s`);
    const after = await this.#memory();
    const open = await this.#openSockets();
    this.bench.log(`  ${open} of them are open when memory is measured`);
    const [idleFrom, idleSeconds] = [this.#cpu(), this.bench.quick ? 15 : 60];
    await pause(idleSeconds * 1000);
    const idleCpu = this.#cpu() - idleFrom;
    const backSeconds = await this.#crash(this.#pairs[0]);
    const drainSeconds = await timed(() => Promise.all(this.#pairs.map(({ node }) => ended(node.child))));
    return {
      open,
      nodeMiB: before / this.#pairs.length / 1024 / 1024,
      kib: (after - before) / open / 1024,
      openMicros: (openCpu / sockets) * 1e6,
      openSeconds,
      idlePercent: (idleCpu / idleSeconds) * 100,
      backSeconds,
      drainSeconds,
    };
  }

  async stop() {
    await Promise.all(this.#pairs.flatMap(({ node, loader }) => [stopChild(node.child), loader.stop()]));
  }

  async #start() {
    const env = { REDIS_URL: this.redisUrl, USER_COUNT_INTERVAL_SECONDS: '86400', PORT: String(await freePort()) };
    return this.deployment.start({ env, nodeArgs: ['--expose-gc', '--import', COLLECT] });
  }

  /**
   * Opens some sockets and closes them. A process that has just started and waits has given back its young generation,
   * 32 MB, and has compiled little: every process in use has both, with few sockets or many.
   */
  async #warmUp({ node, clients, base }) {
    const loader = new Loader();
    await this.#open({ node, loader, clients: clients.slice(0, WARM_UP_SOCKETS), base });
    await loader.stop();
  }

  async #open({ node, loader, clients, base }) {
    const options = { pid: node.child.pid, port: node.port, graphql: true, clients, atOnce: 32, base };
    const opening = await loader.command('open', options, 900_000);
    if (opening.failed > 0) throw new Error(`${opening.failed} sockets did not open. ${node.child.output()}`);
  }

  /** Kills a node; resolves with the seconds until another has taken its place and all of its sockets. */
  async #crash(pair) {
    const { child } = pair.node;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    await pair.loader.stop();
    pair.loader = new Loader();
    return timed(async () => {
      pair.node = await this.#start();
      await this.#open(pair);
    });
  }

  /** How many sockets the nodes have: fewer than were opened if they, or the generators, answer pings too late. */
  async #openSockets() {
    const counts = this.#pairs.map(async ({ node }) => {
      const text = await (await fetch(`http://127.0.0.1:${node.port}/metrics`)).text();
      return Number(/^sallyport_sockets (\d+)/m.exec(text)?.[1]);
    });
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  /** Resident memory of all nodes, after garbage collection. */
  async #memory() {
    for (let i = 0; i < 2; i++) {
      await Promise.all(this.#pairs.map(({ node }) => collected(node.child)));
      await pause(1_000);
    }
    return this.#pairs.reduce((sum, { node }) => sum + this.bench.residentBytes(node.child.pid), 0);
  }

  #cpu() {
    return this.#pairs.reduce((sum, { node }) => sum + this.bench.cpuSeconds(node.child.pid), 0);
  }
}

function measuresOf(sockets, figures) {
  const count = `${sockets.toLocaleString('en')} sockets`;
  const one = (id, title, unit, value, targets = []) => ({ id, title, unit, values: { sallyport: [value] }, targets });
  return [
    one('many-open', `Sockets that are open at the same time, of ${count}`, 'sockets', figures.open),
    one('many-node', 'Memory of a node without sockets', 'MiB', figures.nodeMiB),
    one('many-memory', `Memory per subscribed socket, ${count} on several nodes`, 'KiB', figures.kib, [
      { server: 'sallyport', absolute: 10 },
    ]),
    one('many-opening-cpu', `CPU per opening, ${count}`, 'µs', figures.openMicros),
    one('many-opening', `Time to open, ${count}, all nodes on one core`, 's', figures.openSeconds),
    one('many-idle', `CPU without events, with pings, ${count}`, '% of a core', figures.idlePercent),
    one(
      'many-back',
      'From the start of the node that replaces a killed one until all of its sockets are subscribed',
      's',
      figures.backSeconds,
    ),
    one('many-drain', `From SIGTERM to the end of all nodes, ${count}`, 's', figures.drainSeconds),
  ];
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function timed(task) {
  const startedMs = performance.now();
  await task();
  return (performance.now() - startedMs) / 1000;
}

/** Resolves when a node has collected its garbage. */
async function collected(child) {
  const answer = new Promise((resolve) => {
    const hear = (message) => {
      if (!message.collected) return;
      child.off('message', hear);
      resolve();
    };
    child.on('message', hear);
  });
  child.send({ collect: true });
  await answer;
}

async function ended(child) {
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
