import { openFilesLimit } from '../lib/proc.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { Loader } from '../lib/loader.mjs';
import { withNodes } from '../lib/nodes.mjs';
import { hasRedis, ownRedis } from '../lib/redis.mjs';
import { FEEDS } from '../lib/feeds.mjs';
import { messagesOf, Sockets } from '../lib/sockets.mjs';
import { within } from '../lib/within.mjs';

const SESSION_ENDED = 4401;
const SETTLE_MS = 1_000;
/** A socket that is not closed by then never is. */
const CLOSED_WITHIN_MS = 30_000;
/** Rounds before the measurement, while V8 compiles. */
const WARM_UP_ROUNDS = 4;
/** One process holds the clients of both nodes. */
const SHARE_OF_FILES = 0.4;
const ALGORITHMS = ['RS256', 'ES256'];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function clientsOf(tokens) {
  return tokens.map((token) => messagesOf({ token }, FEEDS.user_count));
}

/** The server's CPU time per socket opened with these tokens, in microseconds. */
async function openingCpu(loader, { port, child }, tokens, base) {
  const options = { pid: child.pid, port, graphql: true, clients: clientsOf(tokens), atOnce: 64, base };
  const opening = await loader.command('open', options);
  if (opening.failed > 0) throw new Error(`${opening.failed} sockets did not open`);
  await loader.command('close');
  await pause(SETTLE_MS);
  return (opening.serverCpuSeconds / tokens.length) * 1e6;
}

/** One server, which takes the tokens in short turns: what changes on a machine in a minute is more than the difference. */
async function opening(bench, deployment) {
  const [count, rounds] = bench.quick ? [500, 6] : [1_000, 20];
  const people = await deployment.people(count);
  const issuers = await Promise.all(ALGORITHMS.map(startIssuer));
  const server = await deployment.start({
    env: {
      USER_COUNT_INTERVAL_SECONDS: '86400',
      TRUSTED_ISSUERS: JSON.stringify(issuers.map(({ config }) => config)),
    },
  });
  const loader = new Loader();
  const tokens = { own: people.map(({ token }) => token) };
  for (const [index, name] of ALGORITHMS.entries())
    tokens[name] = people.map((_, n) => issuers[index].token(`person-${n}`, `session-${n}`));
  const names = Object.keys(tokens);
  const figures = {};
  try {
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++)
      for (let turn = 0; turn < names.length; turn++) {
        const name = names[(round + WARM_UP_ROUNDS + turn) % names.length];
        const micros = await openingCpu(loader, server, tokens[name], 1 + ((round + WARM_UP_ROUNDS) % 200));
        if (round >= 0) (figures[name] ??= []).push(micros);
      }
    return { micros: figures };
  } finally {
    await loader.stop();
    await server.stop();
    await Promise.all(issuers.map((issuer) => issuer.stop()));
  }
}

/** Milliseconds from a back-channel logout to the close of each socket of its session. */
async function ending(nodes, issuer, perNode, round) {
  const delays = [];
  let startedAt = 0;
  let wrong = 0;
  let settle;
  const all = new Promise((resolve) => (settle = resolve));
  const onClosed = (_, code) => {
    if (code !== SESSION_ENDED) wrong += 1;
    if (delays.push(performance.now() - startedAt) === 2 * perNode) settle();
  };
  const sid = `shared-${round}-${Math.random()}`;
  const groups = nodes.map(({ port }, index) => {
    const tokens = Array.from({ length: perNode }, (_, n) => issuer.token(`person-${n}`, sid));
    return new Sockets({
      port,
      base: 30 + index,
      graphql: true,
      clients: clientsOf(tokens),
      onClosed,
      ignoresClose: true,
    });
  });
  try {
    for (const group of groups) {
      await group.open();
      if (group.opened < perNode) throw new Error(`${perNode - group.opened} sockets did not open`);
    }
    await pause(SETTLE_MS);
    startedAt = performance.now();
    const answer = await fetch(`http://127.0.0.1:${nodes[0].port}/oidc/backchannel-logout`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: issuer.logoutToken(sid) }),
    });
    if (answer.status !== 200) throw new Error(`the logout was answered with ${answer.status}`);
    await within(CLOSED_WITHIN_MS, all, 'not all sockets of a session that ended are closed');
  } finally {
    // Also after a failure, since what stays open is missing in the next round, and keeps the process from ending.
    for (const group of groups) group.close();
    await pause(SETTLE_MS);
  }
  if (wrong > 0) throw new Error(`${wrong} sockets closed with another code than ${SESSION_ENDED}`);
  delays.sort((one, other) => one - other);
  const at = (q) => delays[Math.min(delays.length - 1, Math.floor(delays.length * q))];
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

async function endings(bench, deployment, perNode) {
  const redis = await ownRedis();
  const issuer = await startIssuer('ES256');
  try {
    const env = { REDIS_URL: redis.url, TRUSTED_ISSUERS: JSON.stringify([issuer.config]) };
    return await withNodes(deployment, env, (nodes) =>
      bench.interleaved(['sallyport'], (_, round) => ending(nodes, issuer, perNode, round)),
    );
  } finally {
    await issuer.stop();
    await redis.stop();
  }
}

/** The cost of an issuer's JWT compared with our own token, and the time from the end of an issuer's session to the close of its sockets. */
export default {
  name: 'issuers',
  title: "Sockets opened by an identity provider's JWT, and closed by its back-channel logout",
  async run(bench) {
    const deployment = await bench.deployment();
    const { micros } = await opening(bench, deployment);
    const measures = [
      {
        id: 'issuers-opening',
        title: 'Server CPU per opening, by signature (our own is HS256)',
        unit: 'µs',
        base: 'own',
        values: micros,
        targets: ALGORITHMS.map((server) => ({ server, atMost: 1.15, against: 'own' })),
      },
    ];
    if (!deployment.database.url || !hasRedis) {
      bench.log('  endings skipped: two nodes need PostgreSQL (BENCH_DATABASE_URL) and redis-server');
      return measures;
    }
    const perNode = bench.quick ? 2_000 : Math.min(10_000, Math.floor(openFilesLimit() * SHARE_OF_FILES));
    const ended = await endings(bench, deployment, perNode);
    return [
      ...measures,
      ...Object.entries(ended).map(([name, values]) => ({
        id: `issuers-ending-${name}`,
        title: `Back-channel logout to close ${name}, one session with ${perNode.toLocaleString('en')} sockets on each of two nodes`,
        unit: 'ms',
        values,
        targets: name === 'p99' ? [{ server: 'sallyport', absolute: 250 }] : [],
      })),
    ];
  },
};
