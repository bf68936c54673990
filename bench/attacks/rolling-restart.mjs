// Two nodes are restarted one after the other with live clients, while events are published continuously.
import { setTimeout as delay } from 'node:timers/promises';
import { startBalancer } from '../lib/balancer.mjs';
import { LiveClients, register } from '../lib/live-clients.mjs';
import { ownRedis } from '../lib/redis.mjs';

const PEOPLE = 50;
const TABS = 10;
const QUERY = 'subscription { notifications { title } }';
const PUBLISH_EVERY_MS = 200;
const BACK_WITHIN_MS = 60_000;
/** The time between two restarts, and after the last one until all published events have arrived. */
const SETTLE_MS = 3_000;

/**
 * Publishes 1, 2, 3 … to all viewers through the balancer, retrying each number until it is accepted. `stop()` returns
 * the last one.
 */
function publisher(url, key, people) {
  const run = { over: false, refused: 0 };
  const post = async (number) => {
    const events = people.map(({ viewerId }) => ({
      topic: 'notifications',
      viewer: viewerId,
      payload: { title: String(number), kind: 'restart' },
      key: `number-${number}`,
    }));
    const answer = await fetch(`${url}/publish`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ events }),
    }).catch(() => null);
    await answer?.arrayBuffer().catch(() => null);
    return answer?.ok ?? false;
  };
  const done = (async () => {
    let number = 0;
    while (!run.over) {
      number += 1;
      while (!(await post(number))) {
        run.refused += 1;
        await delay(50);
      }
      await delay(PUBLISH_EVERY_MS);
    }
    return number;
  })();
  return {
    async stop() {
      run.over = true;
      return { last: await done, refused: run.refused };
    },
  };
}

/** How many of the numbers 1 to `last` a client never got, and how many it got more than once. */
function faultsOf(numbers, last) {
  const distinct = new Set(numbers);
  return { lost: last - distinct.size, doubled: numbers.length - distinct.size };
}

/** @type {import('../attack.mjs').Attack} */
export default {
  name: 'rolling-restart',
  rows: ['WS-12'],
  title: `two nodes restart one after the other under ${PEOPLE * TABS} clients`,
  async run({ startServer, log }) {
    const redis = await ownRedis();
    const env = { REDIS_URL: redis.url, TRUSTED_PROXIES: '127.0.0.1' };
    const first = await startServer({ env });
    const second = { PORT: String(first.port + 1) };
    const nodes = [
      { target: first, env: {} },
      { target: await first.startNode(second), env: second },
    ];
    const balancer = await startBalancer(nodes.map(({ target }) => target.port));
    let clients;
    try {
      const people = await register(first.url, PEOPLE);
      const received = Array.from({ length: PEOPLE * TABS }, () => []);
      const onData = (index, { notifications }) => received[index].push(Number(notifications.title));
      const place = { url: balancer.url, origin: first.url, people, each: TABS, query: QUERY, onData };
      clients = await LiveClients.open(place);
      if (!(await clients.allLive(BACK_WITHIN_MS))) throw new Error(`only ${clients.live} are live at first`);
      await delay(SETTLE_MS);
      const publishing = publisher(balancer.url, await first.apiKey(), people);
      const seconds = [];
      for (const node of nodes) {
        const startedAt = performance.now();
        await node.target.stop();
        const exitedAfter = performance.now() - startedAt;
        node.target = await first.startNode(node.env);
        const back = await clients.allLive(BACK_WITHIN_MS);
        seconds.push(Number(((clients.lastLiveAt - startedAt) / 1000).toFixed(1)));
        log(`exit after ${Math.round(exitedAfter)} ms; all live: ${back}, the last after ${seconds.at(-1)} s`);
        await delay(SETTLE_MS);
      }
      const { last, refused } = await publishing.stop();
      await delay(SETTLE_MS);
      const faults = received.map((numbers) => faultsOf(numbers, last));
      const sum = (name) => faults.reduce((total, fault) => total + fault[name], 0);
      const figures = {
        clients: clients.live,
        's from SIGTERM to the last client, per node': seconds,
        's the longest time of one client away': Number((clients.longestAwayMs / 1000).toFixed(1)),
        'events published to each person': last,
        'publishes tried again': refused,
        lost: sum('lost'),
        doubled: sum('doubled'),
        'refused for good': clients.failures,
      };
      const held =
        clients.live === PEOPLE * TABS && clients.failures === 0 && figures.lost === 0 && figures.doubled === 0;
      return { held, figures };
    } finally {
      await clients?.close();
      balancer.stop();
      await redis.stop();
    }
  },
};
