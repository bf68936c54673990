// Signed-in sockets that never read: each requests large replies, and sometimes answers the server's pings.
import { setTimeout as delay } from 'node:timers/promises';
import { openAcked } from '../lib/attack-sockets.mjs';
import { clientFrame, OPCODE } from '../lib/frames.mjs';

const SOCKETS = 200;
const SOCKETS_OF_ONE_PERSON = 10;
const SUBSCRIBES = 99;
const TOKEN_CHARACTERS = 65_000;
const WATCH_SECONDS = 30;
/** What the sockets together may cost in MiB: half a MiB each, and as much again for garbage. */
const ALLOWED_MIB = 200;

/** A query that is one long word: GraphQL's own syntax error repeats it. */
const SUBSCRIBE = Array.from({ length: SUBSCRIBES }, (_, index) =>
  clientFrame(
    JSON.stringify({ id: String(index), type: 'subscribe', payload: { query: 'x'.repeat(TOKEN_CHARACTERS) } }),
  ),
);
const PONG = clientFrame('', OPCODE.pong);

/** @type {import('../attack.mjs').Attack} */
export default {
  name: 'never-reads',
  rows: ['WS-6'],
  title: `${SOCKETS} sockets that never read send ${SUBSCRIBES} subscribes of ${TOKEN_CHARACTERS / 1000} kB each`,
  async run({ startServer, log }) {
    const server = await startServer();
    const people = await server.people(SOCKETS / SOCKETS_OF_ONE_PERSON);
    const before = server.residentMiB();
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, server.residentMiB())), 100);
    const sockets = [];
    try {
      for (let index = 0; index < SOCKETS; index++) {
        const socket = await openAcked(server.port, people[index % people.length].token).catch(() => null);
        if (!socket) continue;
        sockets.push(socket.pause());
        for (const frame of SUBSCRIBE) socket.write(frame);
        if (index % 20 === 19) log(`${index + 1} sockets, ${server.residentMiB()} MiB`);
        await delay(20);
      }
      for (let second = 0; second < WATCH_SECONDS && server.child.exitCode === null; second++) {
        for (const socket of sockets) if (!socket.destroyed) socket.write(PONG);
        await delay(1000);
      }
      const healthy = await fetch(`${server.url}/healthz`).then(
        (answer) => answer.ok,
        () => false,
      );
      const each = Number(((peak - before) / sockets.length).toFixed(2));
      const figures = {
        sockets: sockets.length,
        'MiB before': before,
        'MiB at the peak': peak,
        'MiB a socket': each,
        healthy,
      };
      return { held: healthy && sockets.length > 0 && peak - before <= ALLOWED_MIB, figures };
    } finally {
      clearInterval(watch);
      for (const socket of sockets) socket.destroy();
    }
  },
};
