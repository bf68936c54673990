import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** What is called when a connection closes. One listener for each connection, however many requests it pipelines. */
const bySocket = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls back once when a request is over: its response has closed, or its connection has. Both are needed, because a
 * response that waits for an earlier one of its connection (pipelining) is not told that the client has disconnected.
 * Calls back at once if the client has disconnected already.
 */
export function whenOver({ raw: { socket } }: FastifyRequest, { raw: response }: FastifyReply, over: () => void): void {
  if (socket.destroyed || response.closed) return over();
  const waiting = waitingFor(socket);
  const once = (): void => {
    if (waiting.delete(once)) over();
  };
  waiting.add(once);
  response.once('close', once);
}

function waitingFor(socket: Socket): Set<() => void> {
  const known = bySocket.get(socket);
  if (known) return known;
  const waiting = new Set<() => void>();
  bySocket.set(socket, waiting);
  socket.once('close', () => {
    for (const once of waiting) once();
  });
  return waiting;
}
