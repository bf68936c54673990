import { createContext, use } from 'react';
import type { ApolloClient } from '@apollo/client';
import { AuthStore } from '../account/auth-state.js';
import { createApollo } from '../graphql/apollo.js';
import { ServerState } from '../graphql/server-state.js';
import { Feeds } from '../live/feeds.js';
import { LiveConnection } from '../live/live-connection.js';

/** The page's services, created once. */
export interface Backend {
  readonly apollo: ApolloClient;
  readonly server: ServerState;
  readonly connection: LiveConnection;
  readonly feeds: Feeds;
  readonly auth: AuthStore;
}

/** Creates the services and connects them. */
export function createBackend(): Backend {
  const connection = new LiveConnection();
  const server = new ServerState();
  const apollo = createApollo(connection.client, server);
  const feeds = new Feeds(apollo);
  const auth = new AuthStore(apollo);
  connection.onGap = () => {
    feeds.noteGap();
    // The position was lost, or it was of another user than the one who is signed in now.
    void auth.ask();
  };
  connection.onLive = () => server.answered();
  server.store.subscribe(() => {
    connection.client.check();
    if (server.store.value === 'not') auth.askAgain();
  });
  connection.onSignedOut = () => auth.recheck();
  auth.onConfirmed = () => feeds.start();
  auth.store.subscribe(() => {
    if (auth.store.value.phase === 'signedOut') feeds.forgetRead();
  });
  return { apollo, server, connection, feeds, auth };
}

export const BackendContext = createContext<Backend | null>(null);

/** The page's services. Throws outside of the app. */
export function useBackend(): Backend {
  const backend = use(BackendContext);
  if (!backend) throw new Error('useBackend works inside <App> only.');
  return backend;
}
