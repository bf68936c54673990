// Requests that never complete: an occasional byte keeps each connection open, until no other client can connect.
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const CONNECTIONS = 600;
/** The second wave uses as many addresses as needed to fill the node. */
const MANY = 5_000;
const MANY_ADDRESSES = 50;
const BYTE_EVERY_MS = 10_000;
const WATCH_SECONDS = 35;
/** How long a probe may take, in ms, like a supervisor's timeout. */
const TIMEOUT_MS = 5_000;

const HEAD = 'Host: x\r\nContent-Type: application/json\r\n';
const REQUESTS = [
  `POST /graphql HTTP/1.1\r\n${HEAD}Content-Length: 90000\r\n\r\n{`,
  `POST /publish HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\nffff\r\n{`,
  `POST /publish HTTP/1.1\r\n${HEAD}X-Slow: `,
];

function openSlow(port, index, localAddress) {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => {
    // The server may end an attacker's connection at any time.
  });
  socket.resume();
  socket.write(REQUESTS[index % REQUESTS.length]);
  return socket;
}

/** How long `/healthz` takes from another connection, in ms; null without a response in time. */
async function probe(url) {
  const startedAt = performance.now();
  try {
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(TIMEOUT_MS), keepalive: false });
    return answer.ok ? Math.round(performance.now() - startedAt) : null;
  } catch {
    return null;
  }
}

/**
 * Keeps slow connections open for a while; returns the number of open ones every 5 s, and the results of the probes.
 */
async function trickle(url, sockets, seconds, log) {
  const probes = [];
  const open = [];
  for (let second = 0; second < seconds; second++) {
    if ((second * 1000) % BYTE_EVERY_MS === 0) for (const socket of sockets) if (socket.writable) socket.write('x');
    probes.push(await probe(url));
    if (second % 5 === 4) {
      open.push(sockets.filter((socket) => !socket.closed).length);
      log(`after ${second + 1} s: ${open.at(-1)} of ${sockets.length} open`);
    }
    await delay(1000);
  }
  const answered = probes.filter((ms) => ms !== null);
  return { open, unanswered: probes.length - answered.length, slowest: Math.max(...answered) };
}

/** @type {import('../attack.mjs').Attack} */
export default {
  name: 'slow-requests',
  rows: ['WS-7'],
  title: `${CONNECTIONS} connections of one address, then ${MANY} of ${MANY_ADDRESSES}, send one byte each ${BYTE_EVERY_MS / 1000} s`,
  async run({ startServer, log }) {
    const { url, port, ...server } = await startServer({
      env: { THROTTLE_EXEMPT: '', MAX_CONNECTIONS_PER_ADDRESS: '' },
    });
    const sockets = [];
    try {
      for (let index = 0; index < CONNECTIONS; index++) sockets.push(openSlow(port, index));
      const one = await trickle(url, sockets, WATCH_SECONDS, log);
      for (const socket of sockets.splice(0)) socket.destroy();
      for (let index = 0; index < MANY; index++) {
        sockets.push(openSlow(port, index, `127.0.1.${1 + (index % MANY_ADDRESSES)}`));
        if (index % 500 === 499) await delay(50);
      }
      const many = await trickle(url, sockets, WATCH_SECONDS, log);
      const figures = { 'one address': one, 'many addresses': many, 'MiB at the end': server.residentMiB() };
      const held = [one, many].every(({ open, unanswered }) => open.at(-1) === 0 && unanswered === 0);
      return { held, figures };
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  },
};
