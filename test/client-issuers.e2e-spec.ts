import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createLiveClient, type GetToken, type LiveState } from '../client/index.js';
import { NotificationsFeed } from '../src/feeds/notifications/notifications.feed.js';
import { topicOf } from '../src/live/topics/topic.js';
import { TopicBus } from '../src/live/topics/topic.bus.js';
import { Inbox } from '../src/testing/inbox.js';
import { Issuer, trustedIssuersEnv } from './kit/issuer.js';
import { importFromReadme } from './kit/readme-module.js';
import { startServer, type TestServer } from './kit/server.js';

/** The recipes in the client's README. */
interface Recipes {
  tokenFromAuth0(auth0: object): GetToken;
  tokenFromKeycloak(keycloak: object): GetToken;
  tokenFromOidc(users: object): GetToken;
}

/** A page's session at a provider, as the provider's library exposes it; tokens are valid for `seconds`. */
class PageSession {
  asked = 0;
  isOver = false;
  away = 0;

  constructor(
    private readonly issuer: Issuer,
    readonly sid: string,
    private readonly seconds: number,
  ) {}

  async token(): Promise<string> {
    this.asked += 1;
    if (this.away > 0) {
      this.away -= 1;
      throw Object.assign(new Error('Failed to fetch'), {});
    }
    if (this.isOver) throw Object.assign(new Error('Login required'), { error: 'login_required' });
    return this.issuer.sign(this.sid, { expiresIn: this.seconds, claims: { sid: this.sid } });
  }
}

const libraries: Record<string, (session: PageSession, recipes: Recipes) => GetToken> = {
  Auth0: (session, recipes) => recipes.tokenFromAuth0({ getTokenSilently: () => session.token() }),
  Keycloak: (session, recipes) => {
    const keycloak = {
      authenticated: true,
      token: '',
      async updateToken() {
        try {
          keycloak.token = await session.token();
          return true;
        } catch (error) {
          if (session.isOver) keycloak.authenticated = false;
          throw error;
        }
      },
    };
    return recipes.tokenFromKeycloak(keycloak);
  },
  'oidc-client-ts': (session, recipes) =>
    recipes.tokenFromOidc({
      getUser: async () => ({}),
      signinSilent: async () => ({ id_token: await session.token() }),
    }),
};

let issuer: Issuer;
let server: TestServer;
let recipes: Recipes;

beforeAll(async () => {
  issuer = await Issuer.start();
  server = await startServer({ env: trustedIssuersEnv(issuer) });
  recipes = await importFromReadme<Recipes>(
    'client/README.md',
    '### Auth0, Keycloak and other OpenID Connect providers',
  );
});
afterAll(async () => {
  await server.stop();
  await issuer.stop();
});

describe.each(Object.entries(libraries))('a page with %s', (name, library) => {
  it('connects with its tokens, renews them in band, waits for an unavailable provider, and follows its logout', async () => {
    const session = new PageSession(issuer, name.toLowerCase(), 3);
    session.away = 1;
    const states = new Inbox<LiveState>();
    const titles = new Inbox<string>();
    const client = createLiveClient({
      url: `${server.url}/graphql`,
      webSocketImpl: WebSocket,
      getToken: library(session, recipes),
      onState: (state) => states.put(state),
    });
    client.subscribe<{ notifications: { title: string } }>(
      { query: 'subscription { notifications { title } }' },
      { next: ({ data }) => titles.put(data?.notifications.title ?? ''), error: () => {}, complete: () => {} },
    );
    await states.take((state) => state === 'live', 'live');
    await expect.poll(() => session.asked, { timeout: 30_000 }).toBeGreaterThanOrEqual(4);
    const topic = topicOf(NotificationsFeed.topic, `external:acme:${session.sid}`);
    const payload = { id: '1', kind: 'hello', title: 'Hello', body: null, data: null, createdAt: new Date() };
    await server.app.get(TopicBus, { strict: false }).publish([{ topic, payload }]);
    await titles.take((title) => title === 'Hello', 'Hello');
    expect(states.pending).toEqual(expect.not.arrayContaining(['reconnecting']));

    session.isOver = true;
    const body = new URLSearchParams({ logout_token: await issuer.logoutToken({ sid: session.sid }) });
    expect((await fetch(`${server.url}/oidc/backchannel-logout`, { method: 'POST', body })).status).toBe(200);
    await states.take((state) => state === 'signedOut', 'signedOut');
    await client.dispose();
  }, 60_000);

  it('is signed out when its session at the provider has ended', async () => {
    const session = new PageSession(issuer, `${name.toLowerCase()}-over`, 300);
    session.isOver = true;
    const states = new Inbox<LiveState>();
    const getToken = library(session, recipes);
    const client = createLiveClient({
      url: `${server.url}/graphql`,
      webSocketImpl: WebSocket,
      getToken,
      onState: (state) => states.put(state),
    });
    client.subscribe(
      { query: 'subscription { notifications { title } }' },
      { next: () => {}, error: () => {}, complete: () => {} },
    );
    await states.take((state) => state === 'signedOut', 'signedOut');
    await client.dispose();
  });
});
