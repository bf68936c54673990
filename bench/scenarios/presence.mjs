import { Agent, request } from 'node:http';
import { hasRedis, ownRedis } from '../lib/redis.mjs';
import { withNodes } from '../lib/nodes.mjs';
import { FEEDS } from '../lib/feeds.mjs';
import { messagesOf, Sockets } from '../lib/sockets.mjs';
import { quantiles } from '../lib/stats.mjs';

/** The most viewers of one request. */
const ASKED = 100;
/** Requests before the measurement: what runs once in a request is compiled late. */
const WARM_UP = 2_000;
const PAUSE_MS = 5;
const TITLES = { p50: 'p50', p99: 'p99', cpu: 'CPU of both nodes (heartbeats included)' };

/** Opens one socket for each person. */
async function openAll(port, base, people) {
  const clients = people.map(({ token }) => messagesOf({ token }, FEEDS.user_count));
  const sockets = new Sockets({ port, base, graphql: true, clients });
  await sockets.open();
  if (sockets.opened < people.length) throw new Error(`${people.length - sockets.opened} sockets did not open`);
  return sockets;
}

/** One request over a connection that is kept; resolves with the parsed answer. */
function get(agent, port, path, authorization) {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path, agent, headers: { authorization } }, (response) => {
      const chunks = [];
      response
        .on('data', (chunk) => chunks.push(chunk))
        .on('end', () => {
          if (response.statusCode !== 200) reject(new Error(`presence answered ${response.statusCode}`));
          else resolve(JSON.parse(Buffer.concat(chunks)));
        });
    });
    sent.on('error', reject).end();
  });
}

/** Milliseconds of `count` requests, one at a time, each for the next hundred people. */
async function latencies(port, authorization, people, count) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const taken = [];
  for (let n = 0; n < count + WARM_UP; n++) {
    const asked = Array.from({ length: ASKED }, (_, index) => people[(n * ASKED + index) % people.length].viewerId);
    const path = `/presence?${asked.map((viewer) => `viewer=${encodeURIComponent(viewer)}`).join('&')}`;
    const sentAt = performance.now();
    const { viewers } = await get(agent, port, path, authorization);
    if (n >= WARM_UP) taken.push(performance.now() - sentAt);
    const missing = viewers.filter(({ online }) => !online).length;
    if (missing > 0) throw new Error(`${missing} of ${ASKED} connected people are said to be offline`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  agent.destroy();
  return taken;
}

/** Half of the people are connected to the node that is asked, half to the other one. */
async function oneRound(bench, nodes, authorization, people, count) {
  const half = people.length / 2;
  const groups = [
    await openAll(nodes[0].port, 22, people.filter((_, index) => index % 2 === 0).slice(0, half)),
    await openAll(nodes[1].port, 23, people.filter((_, index) => index % 2 === 1).slice(0, half)),
  ];
  try {
    // A node reports its viewers within a second.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const cpu = () => nodes.reduce((sum, { child }) => sum + bench.cpuSeconds(child.pid), 0);
    const before = cpu();
    const { p50, p99 } = quantiles(Float64Array.from(await latencies(nodes[0].port, authorization, people, count)));
    return { p50, p99, cpu: ((cpu() - before) / (count + WARM_UP)) * 1e3 };
  } finally {
    for (const group of groups) group.close();
  }
}

/** `GET /presence` of 100 viewers on two nodes: how long the answer takes. */
export default {
  name: 'presence',
  title: '`GET /presence` of 100 viewers, on two nodes that share a Redis',
  async run(bench) {
    const deployment = await bench.deployment();
    if (!deployment.database.url || !hasRedis) {
      bench.log('  skipped: two nodes need PostgreSQL (BENCH_DATABASE_URL) and redis-server');
      return [];
    }
    const [sockets, count] = bench.quick ? [1_000, 300] : [4_000, 1_000];
    const redis = await ownRedis();
    try {
      const authorization = `Bearer ${await deployment.apiKey('presence')}`;
      const people = await deployment.people(sockets);
      const figures = await bench.interleaved(['sallyport'], () =>
        withNodes(deployment, { REDIS_URL: redis.url }, (nodes) =>
          oneRound(bench, nodes, authorization, people, count),
        ),
      );
      return Object.entries(figures).map(([name, values]) => ({
        id: `presence-${name}`,
        title: `\`GET /presence\` of ${ASKED} viewers, ${TITLES[name]}, ${(sockets / 2).toLocaleString('en')} sockets on each node`,
        unit: 'ms',
        values,
        targets: name === 'cpu' ? [] : [{ server: 'sallyport', absolute: 5 }],
      }));
    } finally {
      await redis.stop();
    }
  },
};
