import type { LiveClient } from '../../client/index.js';

const SIGNED_OUT = 4401;
const HINT = [{ message: 'Nobody is signed in: run the tab "login" or "register", then press play here again.' }];

/** Says in words what a close event 4401 means to somebody who has pressed play too early. */
export function withSignInHint(client: LiveClient): LiveClient {
  return {
    ...client,
    subscribe: (payload, sink) =>
      client.subscribe(payload, {
        next: (value) => sink.next(value as Parameters<typeof sink.next>[0]),
        error: (error) => sink.error((error as { code?: unknown } | null)?.code === SIGNED_OUT ? HINT : error),
        complete: () => sink.complete(),
      }),
  };
}
