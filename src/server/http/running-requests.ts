import type { FastifyInstance } from 'fastify';

/** How long a shutdown waits for requests that run, in milliseconds. What takes longer is cut off. */
const FINISH_WITHIN_MS = 10_000;

/**
 * Has a shutdown wait for the answers to requests that run. Without it the server's connections are closed at once,
 * those with a request included.
 */
export function finishRunningRequests(fastify: FastifyInstance, finishWithinMs = FINISH_WITHIN_MS): void {
  let running = 0;
  let onIdle: () => void = () => {};

  fastify.addHook('onRequest', async (_request, reply) => {
    running++;
    reply.raw.once('close', () => {
      if (--running === 0) onIdle();
    });
  });
  // Before any connection is closed. New requests are answered with 503 from now on.
  fastify.addHook('preClose', async () => {
    if (running === 0) return;
    let patience: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      onIdle = resolve;
      patience = setTimeout(resolve, finishWithinMs);
    });
    clearTimeout(patience);
  });
}
