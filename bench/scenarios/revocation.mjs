import { randomBytes } from 'node:crypto';
import { hasRedis, ownRedis } from '../lib/redis.mjs';
import { withNodes } from '../lib/nodes.mjs';
import { FEEDS } from '../lib/feeds.mjs';
import { messagesOf, Sockets } from '../lib/sockets.mjs';
import { within } from '../lib/within.mjs';

const SESSION_ENDED = 4401;
const PAUSE_MS = 20;
/** A socket that is not closed by then never is. */
const CLOSED_WITHIN_MS = 10_000;

/** A GraphQL request with a cookie; returns the response's body and the cookies that it sets. */
async function ask(port, query, { variables, cookie = '' } = {}) {
  const headers = { 'content-type': 'application/json', origin: `http://127.0.0.1:${port}`, cookie };
  const body = JSON.stringify({ query, variables });
  const answer = await fetch(`http://127.0.0.1:${port}/graphql`, { method: 'POST', headers, body });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(errors[0].message);
  const cookies = answer.headers.getSetCookie().map((line) => line.split(';')[0]);
  return { data, cookie: cookies.join('; ') };
}

/** A new signed-in user: the cookie, and a token for the sockets. */
async function signUp(port) {
  const variables = {
    email: `${randomBytes(8).toString('hex')}@example.com`,
    password: randomBytes(18).toString('hex'),
  };
  const register =
    'mutation($email: String!, $password: String!) { register(email: $email, password: $password) { id } }';
  const { cookie } = await ask(port, register, { variables });
  const { data } = await ask(port, '{ me { token } }', { cookie });
  return { cookie, token: data.me.token };
}

/** Opens a socket for each token; `closedAt(index)` resolves with the time at which the server closed it. */
async function openAll(port, base, tokens) {
  const closed = tokens.map(() => deferred());
  const clients = tokens.map((token) => messagesOf({ token }, FEEDS.user_count));
  const onClosed = (index, code) => closed[index].resolve({ at: performance.now(), code });
  const sockets = new Sockets({ port, base, graphql: true, clients, onClosed });
  await sockets.open();
  if (sockets.opened < tokens.length) throw new Error(`${tokens.length - sockets.opened} sockets did not open`);
  const closedAt = async (index) => {
    const { at, code } = await within(
      CLOSED_WITHIN_MS,
      closed[index].promise,
      'a socket of a session that ended stays open',
    );
    if (code !== SESSION_ENDED) throw new Error(`a socket closed with ${code}`);
    return at;
  };
  return { closedAt, close: () => sockets.close() };
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve) => (made.resolve = resolve));
  return made;
}

/**
 * Users sign out on the first node, one after the other. For each: milliseconds from the response to the last close on
 * either node (0 if both were closed before it), and from the request to the close on the other node.
 */
async function signOutAll(nodes, people, groups) {
  const delays = { afterAnswer: [], afterRequest: [] };
  for (const [index, { cookie }] of people.entries()) {
    const askedAt = performance.now();
    await ask(nodes[0].port, 'mutation { logout }', { cookie });
    const answeredAt = performance.now();
    const [here, there] = await Promise.all(groups.map((group) => group.closedAt(index)));
    delays.afterAnswer.push(Math.max(0, here - answeredAt, there - answeredAt));
    delays.afterRequest.push(there - askedAt);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return delays;
}

function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

async function oneRound(nodes, people, others) {
  const tokens = [...people.map((person) => person.token), ...others.map((person) => person.token)];
  const groups = [await openAll(nodes[0].port, 20, tokens), await openAll(nodes[1].port, 21, tokens)];
  try {
    const { afterAnswer, afterRequest } = await signOutAll(nodes, people, groups);
    return {
      'answer to close p50': quantile(afterAnswer, 0.5),
      'answer to close p90': quantile(afterAnswer, 0.9),
      'answer to close p99': quantile(afterAnswer, 0.99),
      'answer to close max': Math.max(...afterAnswer),
      'request to close p50': quantile(afterRequest, 0.5),
      'request to close p99': quantile(afterRequest, 0.99),
    };
  } finally {
    for (const group of groups) group.close();
  }
}

/** Signing out on one of two nodes with thousands of sockets each: the time from the response to the close of the sockets. */
export default {
  name: 'revocation',
  title: 'From the answer of a logout to the close of its sockets, on two nodes',
  async run(bench) {
    const deployment = await bench.deployment();
    if (!deployment.database.url || !hasRedis) {
      bench.log('  skipped: two nodes need PostgreSQL (BENCH_DATABASE_URL) and redis-server');
      return [];
    }
    const [sockets, revoked] = bench.quick ? [1000, 50] : [5000, 200];
    const redis = await ownRedis();
    try {
      const others = await deployment.people(sockets - revoked);
      const figures = await bench.interleaved(['sallyport'], () =>
        withNodes(deployment, { REDIS_URL: redis.url }, async (nodes) => {
          const people = [];
          for (let n = 0; n < revoked; n++) people.push(await signUp(nodes[0].port));
          return oneRound(nodes, people, others);
        }),
      );
      return Object.entries(figures).map(([name, values]) => ({
        id: `revocation-${name.replaceAll(' ', '-')}`,
        title: `Logout: ${name}, ${sockets.toLocaleString('en')} sockets on each node`,
        unit: 'ms',
        values,
        targets: name === 'answer to close p99' ? [{ server: 'sallyport', absolute: 250 }] : [],
      }));
    } finally {
      await redis.stop();
    }
  },
};
