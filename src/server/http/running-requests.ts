import type { FastifyInstance } from 'fastify';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { whenOver } from './request-end.js';

/** How long a shutdown waits for running requests, in milliseconds; longer ones are aborted. */
const FINISH_WITHIN_MS = 10_000;
/** Balancers ask it until the end. Its own answer says that the node drains. */
const READINESS = '/readyz';

/**
 * Makes a shutdown wait for running requests, and refuses new ones in the meantime. Without it the server's connections
 * are closed at once, including those with a request. Needs `return503OnClosing: false`, because Fastify's own response
 * has another format.
 */
export function finishRunningRequests(fastify: FastifyInstance, finishWithinMs = FINISH_WITHIN_MS): void {
  let running = 0;
  let isClosing = false;
  let onIdle: () => void = () => {};

  fastify.addHook('onRequest', (request, reply, done) => {
    if (isClosing && request.routeOptions.url !== READINESS)
      return done(new UnavailableError('This node is shutting down: try again in a moment.'));
    running++;
    whenOver(request, reply, () => {
      if (--running === 0) onIdle();
    });
    return done();
  });
  // Before any connection is closed.
  fastify.addHook('preClose', async () => {
    isClosing = true;
    if (running === 0) return;
    let timeout: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      onIdle = resolve;
      timeout = setTimeout(resolve, finishWithinMs);
    });
    clearTimeout(timeout);
  });
}
