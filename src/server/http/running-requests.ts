import type { FastifyInstance } from 'fastify';
import { whenOver } from './request-end.js';

/** How long a shutdown waits for running requests, in milliseconds; longer ones are aborted. */
const FINISH_WITHIN_MS = 10_000;

/**
 * Makes a shutdown wait for running requests. Without it the server's connections are closed at once, including those
 * with a request.
 */
export function finishRunningRequests(fastify: FastifyInstance, finishWithinMs = FINISH_WITHIN_MS): void {
  let running = 0;
  let onIdle: () => void = () => {};

  fastify.addHook('onRequest', (request, reply, done) => {
    running++;
    whenOver(request, reply, () => {
      if (--running === 0) onIdle();
    });
    done();
  });
  // Before any connection is closed. From now on new requests are answered with 503.
  fastify.addHook('preClose', async () => {
    if (running === 0) return;
    let timeout: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      onIdle = resolve;
      timeout = setTimeout(resolve, finishWithinMs);
    });
    clearTimeout(timeout);
  });
}
