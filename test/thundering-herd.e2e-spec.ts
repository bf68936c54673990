import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import { createLiveClient, type LiveClient, tokenFromMe } from '../client/index.js';
import { Browser } from './kit/browser.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { storage } from './kit/storage.js';

const PEOPLE = 10;
const TABS = 10;
/** Longer than the client's longest wait between two attempts, 30 s, plus one attempt. */
const BACK_WITHIN_MS = 60_000;
/** Sockets that were live for at least a second reconnect at once after a 1012. */
const HELD_MS = 1_100;

let env: Record<string, string>;
let removeStorage: () => Promise<void>;
let server: ServerProcess;
let people: Browser[];
let tabs: Tab[] = [];

beforeAll(async () => {
  const stored = await storage({});
  removeStorage = stored.remove;
  // The production limits per address and per viewer: ten viewers at ten addresses.
  env = { ...stored.env, TRUSTED_PROXIES: '127.0.0.1', USER_COUNT_INTERVAL_SECONDS: '1' };
  server = await startServerProcess(env);
  env['PORT'] = new URL(server.url).port;
  people = Array.from({ length: PEOPLE }, (_, index) => new Browser(server.url, { address: `203.0.113.${index}` }));
  for (const person of people) await person.register();
});
afterEach(async () => {
  for (const { client } of tabs) await client.dispose();
  tabs = [];
});
afterAll(async () => {
  await server.end();
  await removeStorage();
});

/** A tab: our client with its own cookie and delays, and a subscription that only counts its values. */
interface Tab {
  readonly client: LiveClient;
  values: number;
  /** Set when the subscription has ended for good. */
  failure: unknown;
}

function open(person: Browser): Tab {
  const address = person.options.address ?? '';
  class AtAddress extends WebSocket {
    constructor(url: string, protocols: string[], options?: ClientOptions) {
      super(url, protocols, { ...options, headers: { 'x-forwarded-for': address } });
    }
  }
  const client = createLiveClient({
    url: `${server.url}/graphql`,
    webSocketImpl: AtAddress,
    getToken: tokenFromMe(`${server.url}/graphql`, (_url, init) => person.fetch('/graphql', init)),
  });
  const tab: Tab = { client, values: 0, failure: null };
  client.subscribe(
    { query: 'subscription { userCount }' },
    {
      next: () => (tab.values += 1),
      error: (reason) => (tab.failure = reason),
      complete: () => (tab.failure = 'completed'),
    },
  );
  return tab;
}

async function allAreLive(): Promise<void> {
  for (const tab of tabs) tab.values = 0;
  await vi.waitFor(
    () => {
      expect(tabs.map(({ failure }) => failure)).toEqual(tabs.map(() => null));
      expect(tabs.filter(({ client, values }) => client.state === 'live' && values > 0)).toHaveLength(PEOPLE * TABS);
    },
    { timeout: BACK_WITHIN_MS, interval: 100 },
  );
}

it.each<['SIGTERM' | 'SIGKILL', string]>([
  ['SIGTERM', 'restarts with 1012'],
  ['SIGKILL', 'is killed and started again'],
])(
  'WS-12 %s: when a node %s, every one of 100 clients is live again and none is refused for good',
  async (signal) => {
    tabs = people.flatMap((person) => Array.from({ length: TABS }, () => open(person)));
    await allAreLive();
    await delay(HELD_MS);
    await server.end(signal);
    server = await startServerProcess(env);
    await allAreLive();
  },
  2 * BACK_WITHIN_MS,
);
