// One API key publishes as much as it can, each event to a different viewer, while other requests send only part of
// their bodies.
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const PARALLEL = 64;
const SECONDS = 20;
const EVENTS = 10;
const PAYLOAD_BYTES = 60_000;
/** Incomplete bodies: each could occupy a mebibyte for as long as the client wants. */
const ANNOUNCED = 400;
const MEBIBYTE = 1024 * 1024;
/** What the attack may cost in MiB. */
const ALLOWED_MIB = 400;

function body() {
  const payload = { kind: 'attack', title: 'x', body: 'x'.repeat(PAYLOAD_BYTES) };
  const events = Array.from({ length: EVENTS }, () => ({
    topic: 'notifications',
    viewer: `user:${randomUUID()}`,
    payload,
  }));
  return JSON.stringify({ events });
}

async function flood(url, key, until, answers) {
  while (performance.now() < until) {
    const answer = await fetch(`${url}/publish`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: body(),
    }).catch(() => null);
    await answer?.arrayBuffer();
    const status = answer?.status ?? 0;
    answers[status] = (answers[status] ?? 0) + 1;
    if (status !== 200) await delay(50);
  }
}

function announce(port, key) {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {
    // The server may end an attacker's connection at any time.
  });
  socket.resume();
  const head = `Host: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: ${MEBIBYTE}`;
  socket.write(`POST /publish HTTP/1.1\r\n${head}\r\n\r\n${'x'.repeat(MEBIBYTE - 1)}`);
  return socket;
}

/** @type {import('../attack.mjs').Attack} */
export default {
  name: 'publish-memory',
  rows: ['GQ-5'],
  title: `one key holds ${ANNOUNCED} bodies of 1 MiB open, then ${PARALLEL} requests at a time publish ${(EVENTS * PAYLOAD_BYTES) / 1000} kB each for ${SECONDS} s`,
  async run({ startServer, log }) {
    const { url, port, ...server } = await startServer();
    const key = await server.apiKey();
    const before = server.residentMiB();
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, server.residentMiB())), 100);
    let sockets = [];
    try {
      sockets = Array.from({ length: ANNOUNCED }, () => announce(port, key));
      await delay(5_000);
      const announced = peak;
      log(`${ANNOUNCED} bodies announced: ${announced} MiB`);
      for (const socket of sockets) socket.destroy();
      await delay(1_000);
      const answers = {};
      const until = performance.now() + SECONDS * 1000;
      await Promise.all(Array.from({ length: PARALLEL }, () => flood(url, key, until, answers)));
      const figures = {
        'MiB before': before,
        'MiB with the bodies announced': announced,
        'MiB at the peak': peak,
        'MB published': ((answers[200] ?? 0) * EVENTS * PAYLOAD_BYTES) / 1e6,
        answers,
      };
      return { held: peak - before <= ALLOWED_MIB, figures };
    } finally {
      clearInterval(watch);
      for (const socket of sockets) socket.destroy();
    }
  },
};
