import { fileURLToPath } from 'node:url';
import { message, startChild, stopChild } from './child.mjs';
import { FEEDS } from './feeds.mjs';
import { messagesOf } from './sockets.mjs';

const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));
const HOST_APP = fileURLToPath(new URL('./host-app.mjs', import.meta.url));
const FOREVER_SECONDS = '86400';

/** Every server that scenarios compare, in the order of the tables. `ws` is what ratios are taken to. */
export const SERVERS = {
  ws: { title: 'bare ws', file: 'ws.mjs', graphql: false },
  sallyport: { title: 'Sallyport', graphql: true },
  'sallyport-resumable': { title: 'Sallyport, resumable', graphql: true, resumable: true },
  'sallyport-unobserved': { title: 'Sallyport without audit and metrics', graphql: true, only: 'observing' },
  'sallyport-express': { title: 'Sallyport in an Express app', graphql: true, only: 'module' },
  'sallyport-express-20': { title: 'the same with deliverWithin: 20', only: 'feeds' },
  app: { title: 'the app without the module', only: 'module' },
  'sallyport-redis': { title: 'Sallyport on Redis', graphql: true, only: 'topics' },
  'graphql-ws': { title: 'graphql-ws', file: 'graphql-ws.mjs', graphql: true },
  nest: { title: 'NestJS + Apollo', file: 'nest-apollo.mjs', graphql: true },
  mercurius: { title: 'Mercurius (jit)', file: 'mercurius.mjs', graphql: true },
  yoga: { title: 'GraphQL Yoga', file: 'yoga.mjs', graphql: true },
  'nest-session': { title: 'NestJS + Apollo, express-session' },
  beside: { title: 'Sallyport, other checkout', graphql: true, only: 'beside' },
};

/** Those that accept sockets. */
export const SOCKET_SERVERS = Object.keys(SERVERS).filter((name) => 'graphql' in SERVERS[name] && !SERVERS[name].only);

/** Whether it is somebody else's server, and not the baseline. */
export const isPeer = (name) => name !== 'ws' && 'file' in SERVERS[name];

const viewerId = (index) => `user:00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;

/** Sockets of `people`, `tabs` each, spread so that one person's tabs are not neighbours. */
function clientsOf(server, people, tabs, feed = 'user_count') {
  const ofPerson = ({ viewerId: viewer, token }) => {
    if (!server.graphql) return { first: viewer, second: [] };
    const init = server.resumable ? { token, resumable: true } : { token };
    return messagesOf(init, ...[feed].flat().map((name) => FEEDS[name]));
  };
  return Array.from({ length: tabs }, () => people.map(ofPerson)).flat();
}

/**
 * Starts a server and says who may connect to it.
 *
 * @param name one of {@link SERVERS}
 * @param options.people how many people exist
 * @param options.tabs sockets of each
 * @param options.tickMs one event to each connected viewer at this interval; 0 for none
 * @param options.feed what the sockets subscribe to: `user_count` (default) or `notifications`, for which of the peers only `ws`;
 *   several in an array
 * @param options.source whether `tell` is going to be used
 * @param options.deployment opens the deployment of the checkout that this server is of, when it is first needed
 * @returns `{ pid, port, graphql, clients, viewers, publish: { url, headers, topic }, tell(order), child, stop() }`;
 *   an order is `{ burst: n }` or `{ pace: { perSecond, seconds } }`
 */
export function startServer(name, options) {
  if (name === 'sallyport-express') return startHostApp(options);
  return SERVERS[name].file ? startPeer(name, options) : startOwn(name, options);
}

async function startPeer(name, { people, tabs = 1, tickMs = 0, env = {}, nodeArgs = [], feed }) {
  const { file, graphql } = SERVERS[name];
  const child = startChild([...nodeArgs, `${PEERS}${file}`], {
    core: 0,
    env: { TICK_MS: String(tickMs), ...env },
    label: name,
  });
  const { port, control } = await message(child, ({ port }) => port);
  const registered = Array.from({ length: people }, (_, index) => ({
    viewerId: viewerId(index),
    token: viewerId(index),
  }));
  return {
    pid: child.pid,
    port,
    graphql,
    clients: clientsOf(SERVERS[name], registered, tabs, feed),
    viewers: registered.map((person) => person.viewerId),
    publish: async () => ({ url: `http://127.0.0.1:${control}/`, headers: {} }),
    tell: (order) => child.send(order),
    child,
    stop: () => stopChild(child),
  };
}

/** SallyportModule in a host application: see host-app.mjs. */
async function startHostApp({ people, tabs = 1, env = {}, nodeArgs = [], feed }) {
  const child = startChild([...nodeArgs, HOST_APP], { core: 0, env, label: 'host app' });
  const { port } = await message(child, ({ port }) => port);
  child.send({ people });
  const { people: registered } = await message(child, ({ people }) => people);
  const viewers = registered.map((person) => person.viewerId);
  return {
    pid: child.pid,
    port,
    graphql: true,
    clients: clientsOf({ graphql: true }, registered, tabs, feed),
    viewers,
    tell: (order) => child.send({ ...order, viewers }),
    child,
    stop: () => stopChild(child),
  };
}

async function startOwn(name, options) {
  const {
    people,
    tabs = 1,
    tickMs = 0,
    source = false,
    env = {},
    nodeArgs = [],
    deployment,
    feed = 'user_count',
  } = options;
  const own = await deployment();
  const registered = await own.people(people);
  const viewers = registered.map((person) => person.viewerId);
  const interval = tickMs > 0 ? String(tickMs / 1000) : FOREVER_SECONDS;
  const { child, port, stop } = await own.start({
    env: { USER_COUNT_INTERVAL_SECONDS: interval, ...env },
    nodeArgs,
    source,
  });
  return {
    pid: child.pid,
    port,
    graphql: true,
    clients: clientsOf(SERVERS[name], registered, tabs, feed),
    viewers,
    publish: async () => ({
      url: `http://127.0.0.1:${port}/publish`,
      headers: { authorization: `Bearer ${await own.apiKey()}` },
      topic: feed,
    }),
    tell: (order) => child.send({ ...order, viewers }),
    child,
    stop,
  };
}
