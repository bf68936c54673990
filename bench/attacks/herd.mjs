// A thousand users reconnect at once, after a node has restarted with 1012, and after one was killed.
import { setTimeout as delay } from 'node:timers/promises';
import { LiveClients, register } from '../lib/live-clients.mjs';

const PEOPLE = 100;
const TABS = 10;
const QUERY = 'subscription { userCount }';
/** From the moment that the node is ready again. */
const BACK_WITHIN_MS = 60_000;
/** Clients that were live for a second reconnect at once after a 1012. */
const HELD_MS = 1_500;

/** With production's limits per address and per viewer. */
const ENV = { THROTTLE_EXEMPT: '', MAX_CONNECTIONS_PER_ADDRESS: '', TRUSTED_PROXIES: '127.0.0.1' };

/** Stops the node, starts it again, and measures the time from its readiness until the last client is live. */
async function restart(server, clients, end) {
  await end();
  const again = await server.startNode();
  const readyAt = performance.now();
  const back = await clients.allLive(BACK_WITHIN_MS);
  return {
    server: again,
    back,
    live: clients.live,
    seconds: Number(((clients.lastLiveAt - readyAt) / 1000).toFixed(1)),
  };
}

/** @type {import('../attack.mjs').Attack} */
export default {
  name: 'herd',
  rows: ['WS-12'],
  title: `${PEOPLE * TABS} clients reconnect after their node has restarted (1012) and after it was killed`,
  async run({ startServer, log }) {
    const first = await startServer({ env: ENV });
    const people = await register(first.url, PEOPLE);
    log(`${PEOPLE} people registered`);
    const clients = await LiveClients.open({ url: first.url, people, each: TABS, query: QUERY });
    try {
      const opened = await clients.allLive(BACK_WITHIN_MS);
      log(`${clients.live} live`);
      await delay(HELD_MS);
      const restarted = await restart(first, clients, () => first.stop());
      log(`after 1012: ${restarted.live} live, the last after ${restarted.seconds} s`);
      await delay(HELD_MS);
      const killed = await restart(first, clients, async () => {
        restarted.server.child.kill('SIGKILL');
        await restarted.server.stop();
      });
      log(`after a kill: ${killed.live} live, the last after ${killed.seconds} s`);
      const figures = {
        'live at first': opened ? PEOPLE * TABS : clients.live,
        'live after 1012': restarted.live,
        's from readiness to the last, after 1012': restarted.seconds,
        'live after a kill': killed.live,
        's from readiness to the last, after a kill': killed.seconds,
        'refused for good': clients.failures,
      };
      return { held: opened && restarted.back && killed.back && clients.failures === 0, figures };
    } finally {
      await clients.close();
    }
  },
};
