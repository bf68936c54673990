// Asks for `me` over HTTP at a steady rate, in a process of its own, since one that holds thousands of sockets would
// measure how long it is busy itself.
import { fileURLToPath } from 'node:url';
import { message, startChild, stopChild } from './child.mjs';
import { ReadyNodes } from './ready-nodes.mjs';
import { quantiles } from './stats.mjs';

const THIS_FILE = fileURLToPath(import.meta.url);
const EVERY_MS = 50;

/** Requests for `me` by several signed-in people, to nodes that are ready. */
export class MeRequests {
  #child = startChild([THIS_FILE], { core: 1, label: 'the process that asks for me' });

  /** Starts asking, with one of these cookies at a time. */
  start(options) {
    this.#child.send(options);
  }

  /** Stops asking; resolves with the quantiles of the milliseconds from each request to its answer. */
  async finish() {
    const answer = message(this.#child, (told) => 'quantiles' in told || 'error' in told);
    this.#child.send('finish');
    const told = await answer;
    if (told.error) throw new Error(told.error);
    return told.quantiles;
  }

  /** Ends the process. */
  stop() {
    return stopChild(this.#child);
  }
}

function ask({ ports, origin, cookies }) {
  const nodes = new ReadyNodes(ports);
  const taken = [];
  const pending = new Set();
  const headers = { 'content-type': 'application/json', origin };
  const body = JSON.stringify({ query: '{ me { id } }' });
  let error = null;
  let turn = 0;
  const one = async () => {
    const cookie = cookies[turn++ % cookies.length];
    const sentAt = performance.now();
    const answer = await nodes.ask('/graphql', { method: 'POST', headers: { ...headers, cookie }, body });
    const { data } = await answer.json();
    if (!data?.me) throw new Error('me is null');
    taken.push(performance.now() - sentAt);
  };
  const timer = setInterval(() => {
    const request = one()
      .catch((failure) => (error ??= failure))
      .finally(() => pending.delete(request));
    pending.add(request);
  }, EVERY_MS);
  return async () => {
    clearInterval(timer);
    await Promise.all(pending);
    nodes.stop();
    return error ? { error: error.stack } : { quantiles: quantiles(Float64Array.from(taken)) };
  };
}

if (process.argv[1] === THIS_FILE) {
  let finish = async () => ({ error: 'not started' });
  process.on('message', (told) => {
    if (told === 'finish') void finish().then((result) => process.send(result));
    else finish = ask(told);
  });
  process.on('disconnect', () => process.exit(0));
}
