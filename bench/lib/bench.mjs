import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cpuSeconds, residentBytes } from './proc.mjs';
import { ownDatabase } from './database.mjs';
import { Deployment } from './sallyport.mjs';
import { Loader } from './loader.mjs';
import { isPeer, SOCKET_SERVERS, startServer } from './servers.mjs';

/** What a scenario works with. See bench/README.md. */
export class Bench {
  #deployment = null;
  #beside = null;
  #round = 0;
  /** Peers that failed in this scenario and have no figures in it. */
  failedPeers = new Set();

  /**
   * @param options.quick small numbers, few repeats
   * @param options.repeats interleaved repeats of every figure
   * @param options.only names of servers to keep; empty for all
   * @param options.beside the folder of another checkout, built and with `npm ci` done in its bench/: its server is compared instead of bare `ws`
   * @param options.log prints one line of progress
   */
  constructor({ quick, repeats, only = [], beside = null, log }) {
    this.quick = quick;
    this.repeatCount = repeats;
    this.only = only;
    this.beside = beside;
    this.log = log;
  }

  /** The servers of this scenario that this run compares. The baseline is always among them: `ws`, or the other checkout. */
  servers(names = SOCKET_SERVERS) {
    if (this.beside) {
      const own = names.filter((name) => (this.only.length === 0 ? name === 'sallyport' : this.only.includes(name)));
      return ['beside', ...own];
    }
    return names.filter((name) => this.only.length === 0 || name === 'ws' || this.only.includes(name));
  }

  /**
   * Measures every server once per round, so that what changes on the machine meets them all. A peer that fails is left
   * out from then on, also of earlier rounds: {@link failedPeers} has it.
   *
   * @param measure `(name, round)` → `{ measure: number }`
   * @returns `{ measure: { server: [number per round] } }`
   */
  async interleaved(names, measure) {
    const figures = {};
    for (let round = 0; round < this.repeatCount; round++) {
      for (const name of this.#left(rotated(names, round)))
        this.#note(figures, name, round, await this.#attempt(name, round, () => measure(name, round)));
    }
    return this.#withoutFailed(figures);
  }

  /**
   * Like {@link interleaved}, but within a round all servers are up and take short turns: the processor of a shared
   * machine changes its speed by a third from one second to the next, which several short turns of each meet alike.
   *
   * @param options.turns how many turns each server has in a round
   * @param options.start `(name)` → what `turn` and `end` get, with `stop()`
   * @param options.turn `(started, turn)` → `{ count: number }`; those of a round are added up
   * @param options.end `(sums, started)` → `{ measure: number }`, after the last turn of all servers
   * @returns as `interleaved` does
   */
  async inTurns(names, { turns, start, turn, end }) {
    const figures = {};
    for (let round = 0; round < this.repeatCount; round++) {
      const up = new Map();
      try {
        for (const name of this.#left(names)) {
          const started = await this.#attempt(name, round, () => start(name));
          if (started) up.set(name, { started, sums: {} });
        }
        for (let index = 0; index < turns; index++)
          for (const name of this.#left(rotated([...up.keys()], round + index))) {
            const { started, sums } = up.get(name);
            const counts = await this.#attempt(name, round, () => turn(started, index));
            for (const [key, count] of Object.entries(counts ?? {})) sums[key] = (sums[key] ?? 0) + count;
          }
        for (const name of this.#left(up.keys())) {
          const { started, sums } = up.get(name);
          this.#note(figures, name, round, await this.#attempt(name, round, () => end(sums, started)));
        }
      } finally {
        for (const { started } of up.values()) await started.stop();
      }
    }
    return this.#withoutFailed(figures);
  }

  /** Those that have not failed. */
  #left(names) {
    return [...names].filter((name) => !this.failedPeers.has(name));
  }

  /** Null if a peer fails, which is then left out. */
  async #attempt(name, round, task) {
    try {
      return await task();
    } catch (error) {
      if (!isPeer(name)) throw error;
      this.log(`  ${round + 1}/${this.repeatCount} ${name} FAILED and is left out: ${error.message.trim()}`);
      this.failedPeers.add(name);
      return null;
    }
  }

  #note(figures, name, round, values) {
    if (values === null) return;
    const summary = Object.entries(values).map(([key, value]) => `${key} ${Number(value).toPrecision(4)}`);
    this.log(`  ${round + 1}/${this.repeatCount} ${name}: ${summary.join(', ')}`);
    for (const [key, value] of Object.entries(values)) ((figures[key] ??= {})[name] ??= []).push(value);
  }

  #withoutFailed(figures) {
    for (const ofServers of Object.values(figures)) for (const name of this.failedPeers) delete ofServers[name];
    return figures;
  }

  /** Starts one server; the caller stops it. Options as of startServer. */
  serve(name, options) {
    const deployment = () => (name === 'beside' ? this.#deploymentBeside() : this.deployment());
    return startServer(name, { ...options, deployment });
  }

  /** The other checkout's, made by its own scripts, since its settings may have other names. */
  async #deploymentBeside() {
    if (this.#beside) return this.#beside.deployment;
    const lib = pathToFileURL(`${resolve(this.beside)}/bench/lib/`);
    const [{ Deployment: Other }, { stopAll }, { dropAll }] = await Promise.all(
      ['sallyport.mjs', 'child.mjs', 'database.mjs'].map((file) => import(new URL(file, lib))),
    );
    process.once('exit', stopAll);
    this.#beside = { deployment: await Other.open(), dropAll };
    return this.#beside.deployment;
  }

  /** This project's deployment: created by the first call, kept until the scenario ends. */
  async deployment() {
    return (this.#deployment ??= await Deployment.open());
  }

  /** A database of its own; the caller drops it. */
  database() {
    return ownDatabase();
  }

  /**
   * Starts a server and a load generator, opens all sockets, runs the task, stops both whatever happens.
   *
   * @param task `({ server, loader, opening })`; `opening` holds the figures of Loader's `open`
   */
  async withSockets(name, options, task) {
    const opened = await this.openSockets(name, options);
    try {
      return await task(opened);
    } finally {
      await opened.stop();
    }
  }

  /**
   * Starts a server and a load generator, and opens all sockets, or the first `options.first` of them.
   *
   * @returns `{ server, loader, opening, stop() }`
   */
  async openSockets(name, options) {
    const server = await this.serve(name, options);
    const loader = new Loader();
    const stop = async () => {
      await loader.stop();
      await server.stop();
    };
    try {
      await options.beforeOpening?.(server);
      const { pid, port, graphql } = server;
      const clients = server.clients.slice(0, options.first);
      const base = 1 + (this.#round++ % 200);
      const opening = await loader.command('open', {
        pid,
        port,
        graphql,
        clients,
        base,
        atOnce: options.atOnce ?? 128,
      });
      checkOpened(name, opening, server);
      return { server, loader, opening, stop };
    } catch (error) {
      await stop();
      throw error;
    }
  }

  /** CPU microseconds per event that the server's ticks deliver, over `ticks` whole ticks. */
  async perTickedEvent(name, { sockets, tabs = 1, tickMs, ticks, warmup }) {
    return this.withSockets(name, { people: sockets / tabs, tabs, tickMs }, async ({ server, loader }) => {
      const figures = await loader.command('ticks', {
        pid: server.pid,
        warmup: warmup * sockets,
        count: ticks * sockets,
        quietMs: 25,
        timeoutMs: 20_000 + (ticks + warmup) * tickMs * 4,
      });
      check(name, figures);
      return figures;
    });
  }

  /** Drops what the scenario created. */
  async close() {
    await this.#deployment?.close();
    this.#deployment = null;
    await this.#beside?.dropAll();
    this.#beside = null;
  }

  cpuSeconds = cpuSeconds;
  residentBytes = residentBytes;
}

const rotated = (names, by) => names.map((_, index) => names[(index + by) % names.length]);

/** Throws if a socket did not open. */
export function checkOpened(name, opening, server) {
  if (opening.failed === 0) return;
  const refusals = JSON.stringify(opening.closes);
  throw new Error(
    `${name}: ${opening.failed} sockets did not open; refusals ${refusals}. ${server.child.output?.() ?? ''}`,
  );
}

/** Throws if events are missing, a socket was closed or got an unexpected message, or the load generator was the bottleneck. */
export function check(name, figures) {
  checkNotLimited(name, figures);
  checkArrived(name, figures);
}

/** Throws if the load generator used its whole core, so that the figures are its own. */
export function checkNotLimited(name, { loaderCpuSeconds, wallSeconds }) {
  if (loaderCpuSeconds > 0.95 * wallSeconds) throw new Error(`${name}: the load generator was the limit`);
}

/** Throws if events are missing, or a socket was closed or got an unexpected message. */
export function checkArrived(name, figures) {
  const closes = Object.keys(figures.closes ?? {});
  if (figures.missing > 0)
    throw new Error(`${name}: ${figures.missing} events did not arrive, of ${figures.events + figures.missing}`);
  if (closes.length > 0) throw new Error(`${name}: sockets were closed: ${JSON.stringify(figures.closes)}`);
  const wrong = (figures.samples ?? []).find(
    (text) => !/"type":"(?:next|connection_ack)"/.test(text) || text.includes('"errors"'),
  );
  if (wrong) throw new Error(`${name}: unexpected message ${wrong}`);
}

/** CPU microseconds per delivered event. */
export const microsPerEvent = (figures) => (figures.serverCpuSeconds / figures.events) * 1e6;
