import { Provider } from 'oidc-provider';
import { settings } from './settings.js';

/** A stand-in for your Keycloak, Auth0 or Entra ID: it accepts any name and password. */
export const identityProvider = new Provider(settings.issuer, {
  clients: [
    {
      client_id: settings.clientId,
      // A page keeps no secret: it uses PKCE instead.
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [`${settings.url}/`],
      post_logout_redirect_uris: [`${settings.url}/`],
      // What you enter at your own provider: Sallyport hears there that a session has ended.
      backchannel_logout_uri: `${settings.sallyportUrl}/oidc/backchannel-logout`,
      backchannel_logout_session_required: true,
    },
  ],
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
  clientBasedCORS: (_ctx, origin) => origin === settings.url,
  // Without `offline_access`: such a refresh token ends with the session.
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  // The provider's own fetch calls no loopback address.
  fetch: (url, { method, headers, body }) => fetch(url, { method, headers, body }),
});
