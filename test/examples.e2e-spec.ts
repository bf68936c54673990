import { afterAll, beforeAll, describe, expect, it, type RunnerTask } from 'vitest';
import { closeCodeFor, openSocket } from '../src/testing/live-socket.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { freePort } from '../scripts/free-port.mjs';
import { Chromium, type OpenPage, openTab } from './kit/chromium.js';
import { type Example, type RunningExample, Workspace } from './kit/example.js';
import { needs } from './kit/needs.js';
import { RedisServer } from './kit/redis-server.js';
import { TcpProxy } from './kit/tcp-proxy.js';
import { startServer, type TestServer } from './kit/server.js';
import { temporaryFolder } from './kit/temporary-folder.js';

/** The longest that `npm ci`, `tsc` and the start of an example take on a busy machine. */
const START_MS = 180_000;

const installs = new Map<string, Promise<Example>>();
let folder: ReturnType<typeof temporaryFolder>;
let workspace: Workspace;
let chromium: Chromium;

// oxlint-disable-next-line no-empty-pattern -- Vitest reads from it that the hook uses no fixture
beforeAll(async ({}, { tasks }) => {
  folder = temporaryFolder('examples');
  workspace = new Workspace(folder.path);
  [chromium] = await Promise.all([Chromium.launch(), workspace.pack()]);
  for (const name of suitesIn(tasks)) installs.set(name, workspace.install(name));
}, START_MS);
afterAll(async () => {
  await Promise.all([chromium?.close(), workspace.settled()]);
  folder.remove();
}, START_MS);

/** Returns the names of the `describe` blocks to run, which are the names of examples. */
function suitesIn(tasks: readonly RunnerTask[]): string[] {
  return tasks.flatMap((task) =>
    task.type === 'suite' && task.mode === 'run' ? [task.name, ...suitesIn(task.tasks)] : [],
  );
}

/** Returns the installed example with the name of the current `describe`. */
async function installed(name: string): Promise<Example> {
  const example = await installs.get(name);
  if (!example) throw new Error(`There is no example ${name}.`);
  return example;
}

/** The addresses of an example. */
interface Places {
  /** The pages and `/orders`. */
  readonly url: string;
  /** The pages, if their sockets also go through the proxy. Default: `url`. */
  readonly behindWire?: string;
  /** The server of the sockets, without the proxy. */
  readonly live: string;
  /** The proxy of the pages' sockets. */
  readonly wire: TcpProxy;
}

/** How to sign in and out of an example. */
interface Account {
  signIn(opened: OpenPage, name: string): Promise<void>;
  signOut(opened: OpenPage): Promise<void>;
  /** Returns the token for the page's next socket. */
  token(opened: OpenPage, url: string): Promise<string>;
  /** Returns the headers that the page's requests have besides the cookie. */
  headers(opened: OpenPage): Promise<Record<string, string>>;
}

const click = ({ page }: OpenPage, name: string) => page.getByRole('button', { name }).click();
const isLive = ({ page }: OpenPage) => page.getByText('Connection: live').waitFor();
const orders = ({ page }: OpenPage) => page.getByRole('listitem').allTextContents();

/** The accounts that all examples but one implement themselves. */
const OWN_ACCOUNT: Account = {
  async signIn(opened, name) {
    await opened.page.getByLabel('Name').fill(name);
    await opened.page.getByLabel('Password').fill('demo');
    await click(opened, 'Sign in');
  },
  signOut: (opened) => click(opened, 'Sign out'),
  async token({ context }, url) {
    const { token } = (await (await context.request.get(`${url}/live-token`)).json()) as { token: string };
    return token;
  },
  headers: () => Promise.resolve({}),
};

/** Checks what every example must do. */
async function checkExample({ url, behindWire = url, live, wire }: Places, account = OWN_ACCOUNT): Promise<void> {
  const signIn = async (opened: OpenPage, name: string): Promise<void> => {
    await account.signIn(opened, name);
    await isLive(opened);
  };
  /** Places an order without the proxy; returns its text on the page. */
  const order = async (opened: OpenPage): Promise<string> => {
    const headers = await account.headers(opened);
    const answer = await opened.context.request.post(`${url}/orders`, { headers });
    expect(answer.status()).toBe(201);
    const { order, state } = (await answer.json()) as { order: string; state: string };
    return `Order ${order} is ${state}`;
  };
  /** Returns how many earlier orders a page shows, once it shows a new one. */
  const shown = async (opened: OpenPage): Promise<number> => {
    await opened.page.getByText(await order(opened)).waitFor();
    return (await orders(opened)).length;
  };
  const [ada, bob] = await Promise.all([chromium.open(behindWire), chromium.open(behindWire)]);
  await Promise.all([signIn(ada, 'ada'), signIn(bob, 'bob')]);
  const [adas, bobs] = [await shown(ada), await shown(bob)];

  // Each user gets only their own events: Bob's is published between two of Ada's.
  await click(ada, 'Place an order');
  await ada.page.getByRole('listitem').nth(adas).waitFor();
  const first = (await orders(ada)).at(-1);
  const between = await order(bob);
  await bob.page.getByText(between).waitFor();
  const second = await order(ada);
  await ada.page.getByText(second).waitFor();
  expect((await orders(ada)).slice(adas)).toEqual([first, second]);
  expect((await orders(bob)).slice(bobs)).toEqual([between]);

  // Events that are published while the connection is lost arrive after it is back.
  wire.cut();
  await ada.page.getByText('Connection: reconnecting').waitFor();
  const missed = [await order(ada), await order(ada)];
  wire.heal();
  await ada.page.getByText(missed[1] ?? '').waitFor();
  expect((await orders(ada)).slice(adas)).toEqual([first, second, ...missed]);

  // A sign-out in another tab closes every socket of the session, and the session's token opens none.
  const token = await account.token(ada, url);
  const socket = await openSocket(live, { token });
  const tab = await openTab(ada, behindWire);
  await isLive(tab);
  await account.signOut(tab);
  expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
  await Promise.all([ada, tab].map(({ page }) => page.getByRole('button', { name: 'Sign in' }).waitFor()));
  expect(await closeCodeFor(live, token)).toBe(CloseCode.Unauthorized);

  // Bob stays connected, and Ada can sign in again.
  await Promise.all([isLive(bob), signIn(ada, 'ada')]);
  expect([ada, bob, tab].flatMap(({ faults }) => faults)).toEqual([]);
  await Promise.all([ada.context.close(), bob.context.close()]);
}

/** Checks that a sign-in ends the session that the browser had, with its sockets. */
async function checkSignInOver({ url, live }: Pick<Places, 'url' | 'live'>, account = OWN_ACCOUNT): Promise<void> {
  const ada = await chromium.open(url);
  const tab = await openTab(ada, url);
  const signedOut = ({ page }: OpenPage) => page.getByRole('button', { name: 'Sign in' }).waitFor();
  await signedOut(tab);
  await account.signIn(ada, 'ada');
  await isLive(ada);
  const token = await account.token(ada, url);
  const socket = await openSocket(live, { token });
  await account.signIn(tab, 'bob');
  await isLive(tab);
  const since = performance.now();
  expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
  // Without a revocation, the next check of all sessions would close it, up to 20 s later.
  expect(performance.now() - since).toBeLessThan(5_000);
  expect(await closeCodeFor(live, token)).toBe(CloseCode.Unauthorized);
  await signedOut(ada);
  expect([ada, tab].flatMap(({ faults }) => faults)).toEqual([]);
  await ada.context.close();
}

/** Checks that an outage is not shown as a wrong password, and that the form works after it. */
async function checkFailedSignIn(url: string): Promise<void> {
  const opened = await chromium.open(url);
  const { page, context } = opened;
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  const says = (problem: string) => page.getByText(problem).waitFor();
  await OWN_ACCOUNT.signIn(opened, 'nobody');
  await says('Wrong name or password.');
  await context.setOffline(true);
  await OWN_ACCOUNT.signIn(opened, 'ada');
  await says('The shop does not answer.');
  await context.setOffline(false);
  await OWN_ACCOUNT.signIn(opened, 'nobody');
  await says('Wrong name or password.');
  await context.route('**/sign-in', (route) => route.fulfill({ status: 503 }), { times: 1 });
  await OWN_ACCOUNT.signIn(opened, 'ada');
  await says('The shop does not answer.');
  await OWN_ACCOUNT.signIn(opened, 'ada');
  await isLive(opened);
  expect(opened.faults).toEqual([]);
  await context.close();
}

needs('redis', 'chromium')('nest-express-session', () => {
  let redis: RedisServer;
  let app: RunningExample;
  let wire: TcpProxy;

  beforeAll(async () => {
    redis = await RedisServer.start();
    const example = await installed('nest-express-session');
    app = await example.start(['npm', 'start'], { REDIS_URL: redis.url });
    wire = await TcpProxy.start(app.port);
  }, START_MS);
  afterAll(async () => {
    await app?.stop();
    await wire?.stop();
    await redis?.remove();
  });

  it('nest-express-session shows each user their own events, resumes after a break, and ends with the session', () =>
    checkExample({ url: app.url, behindWire: `http://127.0.0.1:${wire.port}`, live: app.url, wire }));

  it('nest-express-session ends the session that a sign-in replaces', () =>
    checkSignInOver({ url: app.url, live: app.url }));

  it('nest-express-session keeps its form and says why the sign-in failed', () => checkFailedSignIn(app.url));

  describe.each(['react-apollo', 'vue-urql'])('%s', (name) => {
    let page: RunningExample;
    let pageWire: TcpProxy;

    beforeAll(async () => {
      page = await (await installed(name)).start(['npm', 'start'], { SHOP_URL: app.url });
      pageWire = await TcpProxy.start(page.port);
    }, START_MS);
    afterAll(async () => {
      await page?.stop();
      await pageWire?.stop();
    });

    it(`${name} shows each user their own events, resumes after a break, and ends with the session`, () =>
      checkExample({
        url: page.url,
        behindWire: `http://127.0.0.1:${pageWire.port}`,
        live: app.url,
        wire: pageWire,
      }));

    it(`${name} keeps its form and says why the sign-in failed`, () => checkFailedSignIn(page.url));
  });
});

needs('chromium', 'python')('any-backend', () => {
  let sallyport: TestServer;
  let app: RunningExample;
  let wire: TcpProxy;

  beforeAll(async () => {
    const port = String(await freePort());
    sallyport = await startServer({ env: { ALLOWED_ORIGINS: `http://127.0.0.1:${port}` } });
    wire = await TcpProxy.start(Number(new URL(sallyport.url).port));
    const scopes = ['publish:notifications', 'tokens:acme', 'disconnect'] as const;
    const key = await sallyport.app.get(ApiKeys).create('shop', scopes);
    const example = await installed('any-backend');
    app = await example.start(['npm', 'start'], {
      PORT: port,
      API_KEY: key ?? '',
      SALLYPORT_URL: sallyport.url,
      LIVE_URL: `http://127.0.0.1:${wire.port}`,
    });
  }, START_MS);
  afterAll(async () => {
    await app?.stop();
    await wire?.stop();
    await sallyport?.stop();
  });

  it('any-backend shows each user their own events, resumes after a break, and ends with the session', () =>
    checkExample({ url: app.url, live: sallyport.url, wire }));

  it('any-backend ends the session that a sign-in replaces', () =>
    checkSignInOver({ url: app.url, live: sallyport.url }));
});

needs('chromium')('nest-fastify-mercurius', () => {
  let app: RunningExample;
  let wire: TcpProxy;

  beforeAll(async () => {
    app = await (await installed('nest-fastify-mercurius')).start(['npm', 'start'], {});
    wire = await TcpProxy.start(app.port);
  }, START_MS);
  afterAll(async () => {
    await app?.stop();
    await wire?.stop();
  });

  it('nest-fastify-mercurius shows each user their own events, resumes after a break, and ends with the session', () =>
    checkExample({ url: app.url, behindWire: `http://127.0.0.1:${wire.port}`, live: app.url, wire }));

  it('nest-fastify-mercurius ends the session that a sign-in replaces', () =>
    checkSignInOver({ url: app.url, live: app.url }));
});

/** Signs in on the provider's pages. */
const AT_PROVIDER: Account = {
  async signIn(opened, name) {
    const { page } = opened;
    await click(opened, 'Sign in');
    await page.getByPlaceholder('Enter any login').fill(name);
    await page.getByPlaceholder('and password').fill('demo');
    await click(opened, 'Sign-in');
    await click(opened, 'Continue');
  },
  async signOut(opened) {
    await click(opened, 'Sign out');
    await click(opened, 'Yes, sign me out');
  },
  token: async (opened) => (await kept(opened)).id_token,
  headers: async (opened) => ({ authorization: `Bearer ${(await kept(opened)).access_token}` }),
};

/** The tokens that the page stores. */
async function kept({ page }: OpenPage): Promise<{ id_token: string; access_token: string }> {
  const text = await page.evaluate(() => {
    const { localStorage } = globalThis as unknown as { localStorage: Record<string, string> };
    return Object.entries(localStorage).find(([name]) => name.startsWith('oidc.user:'))?.[1];
  });
  return JSON.parse(text ?? 'null') as { id_token: string; access_token: string };
}

needs('chromium')('oidc', () => {
  let sallyport: TestServer;
  let app: RunningExample;
  let wire: TcpProxy;

  beforeAll(async () => {
    const [port, issuerPort] = [String(await freePort()), String(await freePort())];
    const issuer = { source: 'acme', issuer: `http://127.0.0.1:${issuerPort}`, audience: 'shop' };
    sallyport = await startServer({
      env: { ALLOWED_ORIGINS: `http://127.0.0.1:${port}`, TRUSTED_ISSUERS: JSON.stringify([issuer]) },
    });
    wire = await TcpProxy.start(Number(new URL(sallyport.url).port));
    const example = await installed('oidc');
    app = await example.start(['npm', 'start'], {
      PORT: port,
      ISSUER_PORT: issuerPort,
      API_KEY: (await sallyport.app.get(ApiKeys).create('shop', ['publish:notifications'])) ?? '',
      SALLYPORT_URL: sallyport.url,
      LIVE_URL: `http://127.0.0.1:${wire.port}`,
    });
  }, START_MS);
  afterAll(async () => {
    await app?.stop();
    await wire?.stop();
    await sallyport?.stop();
  });

  it('oidc shows each user their own events, resumes after a break, and ends with the session at the provider', () =>
    checkExample({ url: app.url, live: sallyport.url, wire }, AT_PROVIDER));
});

/** Signs in with better-auth's routes. */
const AT_BETTER_AUTH: Account = {
  ...OWN_ACCOUNT,
  async signIn(opened, name) {
    await opened.page.getByLabel('E-mail').fill(`${name}@shop.example`);
    await opened.page.getByLabel('Password').fill('demo demo');
    await click(opened, 'Sign in');
  },
};

needs('chromium')('nest-better-auth', () => {
  let app: RunningExample;
  let wire: TcpProxy;
  let url: string;

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    wire = await TcpProxy.start(port);
    const example = await installed('nest-better-auth');
    const env = { PORT: String(port), BASE_URL: `http://127.0.0.1:${wire.port}` };
    app = await example.start(['npm', 'start'], env);
  }, START_MS);
  afterAll(async () => {
    await app?.stop();
    await wire?.stop();
  });

  it('nest-better-auth shows each user their own events, resumes after a break, and ends with the session', () =>
    checkExample({ url, behindWire: app.url, live: url, wire }, AT_BETTER_AUTH));

  it('nest-better-auth ends the session that a sign-in replaces', () =>
    checkSignInOver({ url: app.url, live: url }, AT_BETTER_AUTH));
});
