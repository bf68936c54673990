import { useSyncExternalStore } from 'react';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createLiveClient, type LiveState, tokenFromUrl } from 'sallyport-client';

const page = new EventTarget();

/** The socket: fetches a token for each connection, reconnects and resumes. */
const live = createLiveClient({
  url: '/graphql',
  getToken: tokenFromUrl('/live-token'),
  onState: () => page.dispatchEvent(new Event('state')),
  onSignedOut: () => page.dispatchEvent(new Event('signedOut')),
  // Some events are lost: start again from what the server still has.
  onGap: () => location.reload(),
});

/** Subscriptions on the socket, everything else over HTTP with the cookie. */
export const apollo = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(live),
    new HttpLink({ uri: '/graphql' }),
  ),
});

/** The state of the connection, for a component to show. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (listener) => on('state', listener),
    () => live.state,
  );
}

/**
 * Calls when the session has ended, here or in another tab, or when nobody is signed in.
 *
 * @returns stops listening
 */
export function onSignedOut(listener: () => void): () => void {
  return on('signedOut', listener);
}

function on(name: string, listener: () => void): () => void {
  page.addEventListener(name, listener);
  return () => page.removeEventListener(name, listener);
}
