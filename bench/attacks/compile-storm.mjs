// Subscriptions with new texts of the maximum size: measures what checking them costs others, and what keeping them
// costs the node.
import { setTimeout as delay } from 'node:timers/promises';
import { openAcked } from '../lib/attack-sockets.mjs';
import { startProbe } from '../lib/attack-probe.mjs';
import { clientFrame } from '../lib/frames.mjs';

const SOCKETS = 20;
const TEXTS_OF_A_SOCKET = 10;
const STORM_LONGEST_MS = 60_000;
const HOLDERS = 25;
const HELD_BY_EACH = 40;
/** How long another user may wait for one response while texts are checked. */
const ALLOWED_WAIT_MS = 1_000;
/**
 * What 1,000 open operations may cost in MiB: 64 for the node's limit, 32 for the cache, and as much again for garbage.
 */
const ALLOWED_MIB = 200;

const FIELDS = ['id', 'title', 'body', 'kind', 'createdAt', 'data'];
let made = 0;

/** A text that was not sent before. */
function text(fields, directives) {
  const conditions = Array.from({ length: directives }, (_, index) => (index === 0 ? '' : ' @include(if: true)'));
  const selected = Array.from({ length: fields }, (_, at) => `${FIELDS[at % FIELDS.length]}${conditions[at] ?? ''}`);
  return `subscription S${made++} { notifications { ${selected.join(' ')} } }`;
}
/** 990 tokens, the worst case for most servers; and the largest document within the limits. */
const SIZES = { 'of 990 tokens': () => text(980, 0), 'of 240 fields and 49 conditions': () => text(240, 50) };

const subscribe = (id, query) => clientFrame(JSON.stringify({ id, type: 'subscribe', payload: { query } }));

/**
 * Sends each text twice over the sockets of one user; resolves when all replies have arrived, or the sockets were
 * closed.
 */
async function storm(port, token, makeText) {
  const sockets = (
    await Promise.all(Array.from({ length: SOCKETS }, () => openAcked(port, token).catch(() => null)))
  ).filter((socket) => socket !== null);
  const asked = sockets.map((socket) => {
    for (let index = 0; index < TEXTS_OF_A_SOCKET; index++) {
      const query = makeText();
      for (const turn of ['a', 'b']) socket.write(subscribe(`${index}${turn}`, query));
    }
    // The reply to a ping arrives after all others.
    socket.write(clientFrame(JSON.stringify({ type: 'ping' })));
    return answered(socket);
  });
  await Promise.race([Promise.all(asked), delay(STORM_LONGEST_MS)]);
  for (const socket of sockets) socket.destroy();
  return sockets.length;
}

function answered(socket) {
  return new Promise((resolve) => {
    socket.on('data', (data) => data.includes('"pong"') && resolve());
    socket.on('close', resolve).on('end', resolve);
  });
}

/** Users who each open subscriptions with their own texts, as fast as their budgets allow. */
async function hold(server, people, makeText, log) {
  const sockets = [];
  for (const [index, { token }] of people.entries()) {
    const socket = await openAcked(server.port, token).catch(() => null);
    if (!socket) continue;
    sockets.push(socket.resume());
    for (let at = 0; at < HELD_BY_EACH; at++) socket.write(subscribe(String(at), makeText()));
    await delay(200);
    if (index % 5 === 4) log(`${index + 1} people, ${server.residentMiB()} MiB`);
  }
  return sockets;
}

/** @type {import('../attack.mjs').Attack} */
export default {
  name: 'compile-storm',
  rows: ['GQ-1', 'GQ-8'],
  title: `${SOCKETS} sockets of one person send ${TEXTS_OF_A_SOCKET} new texts twice each; ${HOLDERS} people hold ${HELD_BY_EACH} each`,
  async run({ startServer, log }) {
    const figures = {};
    let held = true;
    for (const [size, makeText] of Object.entries(SIZES)) {
      const server = await startServer();
      const people = await server.people(HOLDERS + 1);
      const other = await startProbe(server.url);
      const before = server.residentMiB();
      const startedAt = performance.now();
      let sockets = 0;
      const attack = storm(server.port, people[HOLDERS].token, makeText).then((count) => (sockets = count));
      const waits = await other.watch(attack);
      figures[`texts ${size}: seconds until all were answered`] = ((performance.now() - startedAt) / 1000).toFixed(1);
      figures[`texts ${size}: another person's me [ms]`] = waits;
      log(`texts ${size}, ${sockets} sockets: the longest wait was ${waits.longest} ms`);
      let peak = 0;
      const watch = setInterval(() => (peak = Math.max(peak, server.residentMiB())), 100);
      const holding = await hold(server, people.slice(0, HOLDERS), makeText, log);
      await delay(2_000);
      clearInterval(watch);
      const dead = server.child.exitCode !== null || server.child.signalCode !== null;
      figures[`texts ${size}: MiB before, at the peak`] = [before, peak];
      figures[`texts ${size}: sockets that were left open`] = holding.filter((socket) => !socket.readableEnded).length;
      for (const socket of holding) socket.destroy();
      held &&= !dead && waits.longest <= ALLOWED_WAIT_MS && peak - before <= ALLOWED_MIB;
      await server.stop();
    }
    return { held, figures };
  },
};
