import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import type { LiveClient } from '../../client/index.js';
import type { ServerState } from './server-state.js';

/** Queries and mutations by POST with the session cookie, subscriptions with the live client. */
export function createApollo(live: LiveClient, { fetch }: ServerState): ApolloClient {
  return new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(live),
      new HttpLink({ uri: '/graphql', credentials: 'same-origin', fetch }),
    ),
    defaultOptions: { query: { fetchPolicy: 'network-only' }, mutate: { fetchPolicy: 'no-cache' } },
  });
}
