import { createContext, use } from 'react';
import type { ApolloClient } from '@apollo/client';
import { Memberships } from '../account/membership.js';
import { createApollo } from '../graphql/apollo.js';
import { ServerState } from '../graphql/server-state.js';
import { Feeds } from '../live/feeds.js';
import { Line } from '../live/line.js';

/** Everything behind the page, made once. */
export interface Backend {
  readonly apollo: ApolloClient;
  readonly server: ServerState;
  readonly line: Line;
  readonly feeds: Feeds;
  readonly memberships: Memberships;
}

/** Makes the parts and introduces them to each other. */
export function createBackend(): Backend {
  const line = new Line();
  const server = new ServerState();
  const apollo = createApollo(line.client, server);
  const feeds = new Feeds(apollo);
  const memberships = new Memberships(apollo);
  line.onGap = () => feeds.noteGap();
  line.onLive = () => server.answered();
  server.store.subscribe(() => line.client.check());
  server.onTrouble = (answering) => answering === 'not' && memberships.askAgain();
  line.onSignedOut = () => memberships.doubt();
  memberships.onConfirmed = () => feeds.start();
  return { apollo, server, line, feeds, memberships };
}

export const BackendContext = createContext<Backend | null>(null);

/** The parts behind the page. Throws outside of the app. */
export function useBackend(): Backend {
  const backend = use(BackendContext);
  if (!backend) throw new Error('useBackend works inside <App> only.');
  return backend;
}
