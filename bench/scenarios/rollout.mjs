import { randomBytes } from 'node:crypto';
import { freePort } from '../../scripts/free-port.mjs';
import { stopChild } from '../lib/child.mjs';
import { MeRequests } from '../lib/me-requests.mjs';
import { openFilesLimit } from '../lib/proc.mjs';
import { hasRedis, ownRedis } from '../lib/redis.mjs';
import { ReadyNodes } from '../lib/ready-nodes.mjs';
import { RolloutClients } from '../lib/rollout-clients.mjs';

const EVENTS_PER_SECOND = 2_000;
const BATCH = 50;
const PEOPLE_WHO_ASK = 20;
const BACK_WITHIN_MS = 60_000;
/** Sockets drain within 10 s, requests within another 10 s. */
const STOPS_WITHIN_MS = 25_000;
/** Between two restarts, and after the last one until everything published has arrived. */
const SETTLE_MS = 3_000;

/** All of them, if files may be opened for that: one process holds all clients, and one node while the other restarts. */
const SOCKETS = 20_000;
const SHARE_OF_FILES = 0.75;

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const json = { 'content-type': 'application/json' };

/** Signs somebody up; returns the cookie. */
async function signUp(nodes, origin) {
  const query = 'mutation($e: String!, $p: String!) { register(email: $e, password: $p) { id } }';
  const variables = { e: `${randomBytes(8).toString('hex')}@example.com`, p: randomBytes(18).toString('hex') };
  const answer = await nodes.ask('/graphql', {
    method: 'POST',
    headers: { ...json, origin },
    body: JSON.stringify({ query, variables }),
  });
  await answer.arrayBuffer();
  return answer.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
}

/**
 * Publishes numbers, each person's own 1, 2, 3 …, at an even rate; a refused batch is sent again with the same keys.
 * `stop()` resolves with how often that was, when everything is accepted.
 */
function publish(nodes, authorization, people, clients) {
  const under = new Set();
  let [at, again] = [0, 0];
  const send = async (events) => {
    const init = { method: 'POST', headers: { ...json, authorization }, body: JSON.stringify({ events }) };
    const { results } = await (await nodes.ask('/publish', init)).json();
    const refused = events.filter((_, index) => results[index].error);
    if (refused.length === 0) return;
    again += refused.length;
    await after(50);
    await send(refused);
  };
  // A person's next event waits until the last one was accepted, since two requests may overtake each other.
  const busy = new Set();
  const timer = setInterval(
    () => {
      const chosen = [];
      for (let tries = 0; chosen.length < BATCH && tries < people.length; tries++) {
        const index = at++ % people.length;
        if (!busy.has(index)) chosen.push(index);
      }
      const events = chosen.map((index) => {
        busy.add(index);
        const number = clients.expect(index);
        return {
          topic: 'notifications',
          viewer: people[index].viewerId,
          payload: { title: String(number), kind: 'rollout' },
          key: `${index}-${number}`,
        };
      });
      const sending = send(events).finally(() => {
        under.delete(sending);
        for (const index of chosen) busy.delete(index);
      });
      under.add(sending);
    },
    (1000 * BATCH) / EVENTS_PER_SECOND,
  );
  return async () => {
    clearInterval(timer);
    await Promise.all(under);
    return again;
  };
}

/** Restarts one node; resolves with the seconds from SIGTERM until every client was live again. */
async function restart(deployment, node, clients) {
  const startedAt = performance.now();
  await stopChild(node.server.child, STOPS_WITHIN_MS);
  node.server = await deployment.start(node);
  if (!(await clients.allLive(BACK_WITHIN_MS))) throw new Error(`only ${clients.live} clients are live again`);
  return (clients.lastLiveAt - startedAt) / 1000;
}

async function oneRound(bench, deployment, redis, sockets) {
  const env = { REDIS_URL: redis.url, USER_COUNT_INTERVAL_SECONDS: '86400' };
  const restarted = [];
  restarted.push({ env, core: 0, server: await deployment.start({ env }) });
  const other = { ...env, PORT: String(await freePort()) };
  restarted.push({ env: other, core: 1, server: await deployment.start({ env: other, core: 1 }) });
  const nodes = new ReadyNodes(restarted.map(({ server }) => server.port));
  const people = await deployment.people(sockets);
  const clients = new RolloutClients(people, (turn) => nodes.next(turn));
  const meRequests = new MeRequests();
  try {
    await clients.open();
    const origin = deployment.env.PUBLIC_URL;
    const cookies = [];
    for (let n = 0; n < PEOPLE_WHO_ASK; n++) cookies.push(await signUp(nodes, origin));
    const authorization = `Bearer ${await deployment.apiKey()}`;
    meRequests.start({ ports: nodes.ports, origin, cookies });
    const stopPublishing = publish(nodes, authorization, people, clients);
    await after(SETTLE_MS);
    const seconds = [];
    for (const node of restarted) {
      seconds.push(await restart(deployment, node, clients));
      await after(SETTLE_MS);
    }
    const again = await stopPublishing();
    const me = await meRequests.finish();
    await clients.allArrived(BACK_WITHIN_MS);
    const { published, lost, doubled } = clients.faults();
    bench.log(
      `    ${published} events, ${again} sent again; ${clients.reconnects} reconnects; live after ${seconds.join(' and ')} s`,
    );
    return { lost, doubled, live: Math.max(...seconds), me: me.p99 };
  } finally {
    clients.close();
    nodes.stop();
    await meRequests.stop();
    await Promise.all(restarted.map(({ server }) => server.stop()));
  }
}

const TITLES = {
  lost: ['events lost', 'events', 0],
  doubled: ['events delivered twice', 'events', 0],
  live: ['from SIGTERM until every client is live again, the longer of both nodes', 's', 15],
  me: ['`me` p99 meanwhile', 'ms', 500],
};

/** Two nodes restart one after the other under resumable sockets and a steady stream of events. */
export default {
  name: 'rollout',
  title: 'Rolling restart of two nodes',
  async run(bench) {
    const deployment = await bench.deployment();
    if (!deployment.database.url || !hasRedis) {
      bench.log('  skipped: two nodes need PostgreSQL (BENCH_DATABASE_URL) and redis-server');
      return [];
    }
    const most = Math.floor(openFilesLimit() * SHARE_OF_FILES);
    if (most < SOCKETS) bench.log(`  at most ${most.toLocaleString('en')} sockets, because of ulimit -n`);
    const sockets = Math.min(bench.quick ? 2_000 : SOCKETS, most);
    const redis = await ownRedis();
    try {
      const figures = await bench.interleaved(['sallyport'], () => oneRound(bench, deployment, redis, sockets));
      return Object.entries(figures).map(([name, values]) => ({
        id: `rollout-${name}`,
        title: `Rolling restart, ${sockets.toLocaleString('en')} resumable sockets, ${EVENTS_PER_SECOND.toLocaleString('en')} events/s: ${TITLES[name][0]}`,
        unit: TITLES[name][1],
        values,
        targets: [{ server: 'sallyport', absolute: TITLES[name][2] }],
      }));
    } finally {
      await redis.stop();
    }
  },
};
