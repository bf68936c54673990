import { UserManager, WebStorageStateStore } from 'oidc-client-ts';
import { createLiveClient } from 'sallyport-client';

const [visitor, main, connection, orders] = ['section', 'main', 'output', 'ul'].map((selector) =>
  document.querySelector(selector),
);
const { issuer, clientId, liveUrl } = await (await fetch('/settings.json')).json();
const users = new UserManager({
  authority: issuer,
  client_id: clientId,
  redirect_uri: `${location.origin}/`,
  post_logout_redirect_uri: `${location.origin}/`,
  // Tabs share the sign-in.
  userStore: new WebStorageStateStore({ store: localStorage }),
  automaticSilentRenew: false,
});

/** Errors after which only a new sign-in helps; after any other the client asks again. */
const SIGN_IN_AGAIN = ['invalid_grant', 'login_required'];

/** The provider's ID token is the token of the socket, fresh each time. One tab after the other, since a refresh token works once. */
function getToken() {
  return navigator.locks.request('refresh', async () => {
    if ((await users.getUser()) === null) return null;
    try {
      return (await users.signinSilent()).id_token;
    } catch (error) {
      if (SIGN_IN_AGAIN.includes(error.error)) return null;
      throw error;
    }
  });
}

function start() {
  const client = createLiveClient({
    url: `${liveUrl}/graphql`,
    getToken,
    onState: (state) => {
      connection.value = state;
      if (state === 'live') show(main);
    },
    onSignedOut: async () => {
      await users.removeUser();
      show(visitor);
    },
    // Some events are lost: start again from what the server still has.
    onGap: () => location.reload(),
  });
  client.subscribe(
    { query: 'subscription { notifications { title } }' },
    {
      next: ({ data }) => {
        const item = document.createElement('li');
        item.textContent = data.notifications.title;
        orders.append(item);
      },
      error: () => {},
      complete: () => {},
    },
  );
}

function show(shown) {
  for (const part of [visitor, main]) part.hidden = part !== shown;
}

document.querySelector('#sign-in').addEventListener('click', () => users.signinRedirect());
document.querySelector('#order').addEventListener('click', async () => {
  const { access_token } = await users.getUser();
  await fetch('/orders', { method: 'POST', headers: { authorization: `Bearer ${access_token}` } });
});
// The provider tells Sallyport, which closes the sockets of the session with 4401.
document.querySelector('#sign-out').addEventListener('click', () => users.signoutRedirect());

// Back from the provider.
const back = new URLSearchParams(location.search);
// Without a user, the page offers to sign in again.
if (back.has('code')) await users.signinRedirectCallback().catch(console.error);
if (back.has('code') || back.has('state')) history.replaceState(null, '', '/');
start();
