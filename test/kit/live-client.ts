import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import { WebSocket } from 'ws';
import { GRAPHQL_PATH } from '../../src/protocol/payload.js';
import { Inbox } from '../../src/testing/inbox.js';

/** Creates an unmodified graphql-ws client for Node. `token` may be a function, called for each connection. */
export function liveClient(
  url: string,
  token: string | (() => Promise<string>),
  options: Partial<ClientOptions> = {},
): Client {
  return createClient({
    url: url.replace(/^http/, 'ws') + GRAPHQL_PATH,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: async () => ({ token: typeof token === 'string' ? token : await token() }),
    ...options,
  });
}

/** A running subscription whose results can be awaited one by one. */
export interface Subscription<T> {
  readonly results: Inbox<T>;
  /** Resolves when the operation completes or fails, with the failure or null. */
  readonly over: Promise<unknown>;
  stop(): void;
}

/**
 * Subscribes through a client and puts the `data` of each result into an inbox. An error in a result rejects the wait.
 */
export function subscribe<T = Record<string, unknown>>(client: Client, query: string): Subscription<T> {
  const results = new Inbox<T>();
  let stop = () => {};
  const over = new Promise<unknown>((resolve) => {
    stop = client.subscribe<T>(
      { query },
      {
        next: ({ data, errors }) => (data ? results.put(data) : results.end(JSON.stringify(errors))),
        error: (reason) => {
          results.end(String(reason));
          resolve(reason);
        },
        complete: () => {
          results.end('completed');
          resolve(null);
        },
      },
    );
  });
  return { results, over, stop: () => stop() };
}
