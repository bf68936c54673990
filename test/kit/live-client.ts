import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { GRAPHQL_PATH } from '../../src/protocol/payload.js';
import { Inbox } from '../../src/testing/inbox.js';

/** Creates an unmodified graphql-ws client for Node. `token` is called for each connection. */
export function liveClient(url: string, token: () => Promise<string>): Client {
  return createClient({
    url: url.replace(/^http/, 'ws') + GRAPHQL_PATH,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: async () => ({ token: await token() }),
  });
}

/** A running subscription whose results can be awaited one by one. */
export interface Subscription<T> {
  readonly results: Inbox<T>;
  stop(): void;
}

/**
 * Subscribes through a client and puts the `data` of each result into an inbox. An error in a result rejects the wait.
 */
export function subscribe<T>(client: Client, query: string): Subscription<T> {
  const results = new Inbox<T>();
  const stop = client.subscribe<T>(
    { query },
    {
      next: ({ data, errors }) => (data ? results.put(data) : results.end(JSON.stringify(errors))),
      error: (reason) => results.end(String(reason)),
      complete: () => results.end('completed'),
    },
  );
  return { results, stop };
}
