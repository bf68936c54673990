import { ref } from 'vue';
import { createClient, fetchExchange, subscriptionExchange } from '@urql/vue';
import { createLiveClient, tokenFromUrl } from 'sallyport-client';

/** The state of the connection, to show. */
export const connection = ref('idle');

/** The cookie says who is signed in; when it says nobody, or when the session ends, this becomes false. */
export const isSignedIn = ref(true);

/** The socket: fetches a token for each connection, reconnects and resumes. */
const live = createLiveClient({
  url: '/graphql',
  getToken: tokenFromUrl('/live-token'),
  onState: (state) => (connection.value = state),
  onSignedOut: () => (isSignedIn.value = false),
  // Some events are lost: start again from what the server still has.
  onGap: () => location.reload(),
});

/** Subscriptions on the socket, everything else over HTTP with the cookie. */
export const urql = createClient({
  url: '/graphql',
  preferGetMethod: false,
  exchanges: [
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({ unsubscribe: live.subscribe({ query, variables }, sink) }),
      }),
    }),
  ],
});
