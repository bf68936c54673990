// What all peers publish, and when, from inside their own processes.
import { createServer } from 'node:http';
import { pace, stamp } from '../lib/pace.mjs';

const OPERATION_ID = '6a1f7c52-3f0e-4a39-9c6b-0d8e5f2b7a41';

/** One event as graphql-transport-ws writes it; bare `ws` sends the same bytes without using GraphQL. */
export function nextMessage(value) {
  if (typeof value === 'object')
    return `{"id":"${OPERATION_ID}","type":"next","payload":{"data":{"notifications":${JSON.stringify(value)}}}}`;
  return `{"id":"${OPERATION_ID}","type":"next","payload":{"data":{"userCount":${value}}}}`;
}

/**
 * Starts a peer's events and sends its ports to the parent.
 *
 * - every `TICK_MS`, one event (a number from 1 to 10) for every viewer, in one turn of the loop;
 * - on the parent's message `{ burst: n }`, n events for every viewer, in one turn;
 * - on the parent's message `{ pace: { perSecond, seconds } }`, stamps at an even rate (lib/pace.mjs);
 * - on `POST /` to its own control port, the body's `[{ viewer, payload }]`.
 *
 * @param port where sockets are accepted
 * @param viewers gives the ids that have a socket
 * @param publish publishes one event to one viewer
 */
export function startEvents(port, viewers, publish) {
  const everybody = (times) => {
    for (const viewer of viewers()) for (let i = 0; i < times; i++) publish(viewer, 1 + Math.floor(Math.random() * 10));
  };
  const tickMs = Number(process.env.TICK_MS ?? 0);
  if (tickMs > 0) setInterval(everybody, tickMs, 1);
  process.on('message', (message) => {
    if (message.burst) everybody(message.burst);
    if (message.pace) {
      pace(message.pace, [...viewers()], (due) => {
        for (const [viewer, value] of due.map((one) => [one, stamp()])) publish(viewer, value);
      });
    }
  });
  process.on('disconnect', () => process.exit(0));
  const control = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      for (const { viewer, payload } of JSON.parse(Buffer.concat(chunks)).events) publish(viewer, payload);
      response.end('{}');
    });
  });
  control.listen(0, '127.0.0.1', () => process.send({ port, control: control.address().port }));
}

/** The ids that have a socket, with the number of their sockets. */
export class Present {
  #counts = new Map();
  add(id) {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
  }
  delete(id) {
    const left = (this.#counts.get(id) ?? 0) - 1;
    if (left > 0) this.#counts.set(id, left);
    else this.#counts.delete(id);
  }
  ids = () => this.#counts.keys();
}
