import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { postgresPrograms } from '../scripts/test-services.mjs';
import { CloseCode } from '../src/protocol/close-code.js';
import { Browser } from './kit/browser.js';
import { openSocket } from '../src/testing/live-socket.js';
import { type FaultyStore, faultyPostgres, faultyRedis } from './kit/faulty-store.js';
import { needs } from './kit/needs.js';
import { NumberedPublisher } from './kit/numbered-publisher.js';
import { PersistentReader } from './kit/persistent-reader.js';
import type { RedisServer } from './kit/redis-server.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { temporaryFolder } from './kit/temporary-folder.js';

/** How long the store hangs: longer than any timeout in this test. */
const HANG_MS = 10_000;

interface Person {
  readonly browser: Browser;
  readonly viewerId: string;
}

const folder = temporaryFolder('faults');
const secretKeys = randomBytes(32).toString('base64url');
let store: FaultyStore;
let nodes: [ServerProcess, ServerProcess];
let people: Person[];
let readers: PersistentReader[] = [];
let publisher: NumberedPublisher;

afterAll(() => folder.remove());

function onTwoNodes(open: () => Promise<FaultyStore>): void {
  beforeAll(async () => {
    store = await open();
    nodes = await Promise.all([startNode(), startNode()]);
  });
  afterEach(async () => {
    await publisher.stop();
    await Promise.all(readers.map((reader) => reader.stop()));
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.end('SIGKILL')));
    await store.remove();
  });
}

function startNode(port?: string): Promise<ServerProcess> {
  return startServerProcess({
    ...store.env,
    DATA_DIR: folder.path,
    SECRET_KEYS: secretKeys,
    PUBLIC_URL: 'http://127.0.0.1:1',
    THROTTLE_EXEMPT: '127.0.0.0/8',
    USER_COUNT_INTERVAL_SECONDS: '3600',
    LOG_LEVEL: 'warn',
    ...(port ? { PORT: port } : {}),
  });
}

async function newPerson(): Promise<Person> {
  const browser = new Browser(nodes[0].url, { origin: null });
  const { id } = await browser.register();
  return { browser, viewerId: `user:${id}` };
}

/** Starts two readers per person, one on each node, and a publisher that uses the nodes in turn. */
async function begin(mode: 'until it is taken' | 'once' = 'until it is taken'): Promise<void> {
  // New people each time: subscriptions start with the history, and numbers start again.
  people = [await newPerson(), await newPerson()];
  const urls = nodes.map((node) => node.url);
  readers = people.flatMap(({ browser }) => urls.map((_, first) => new PersistentReader(urls, token(browser), first)));
  await vi.waitFor(() => expect(readers.every((reader) => reader.isLive)).toBe(true), { timeout: 30_000 });
  const viewers = people.map(({ viewerId }) => viewerId);
  publisher = await NumberedPublisher.start({ urls, viewers, dataDir: folder.path, mode });
  await progress(20);
}

/** Returns a token from any node that answers. */
function token(browser: Browser): () => Promise<string> {
  return async () => {
    for (const { url } of nodes) {
      const there = new Browser(url, { origin: null });
      for (const [name, value] of browser.cookies) there.cookies.set(name, value);
      const found = await there.token().catch(() => null);
      if (found !== null) return found;
    }
    throw new Error('No node answers.');
  };
}

/** Waits until `/readyz` of every node has this status: 200 if its stores are available, 503 if one is not. */
async function untilReadyIs(status: 200 | 503): Promise<void> {
  const answers = () => Promise.all(nodes.map(async ({ url }) => (await fetch(`${url}/readyz`)).status));
  await vi.waitFor(async () => expect(await answers()).toEqual([status, status]), { timeout: 30_000 });
}

/** Waits until every reader has received an event that is published after this call. */
async function progress(more = 10): Promise<void> {
  const goal = publisher.accepted + more;
  await vi.waitFor(() => expect(publisher.accepted).toBeGreaterThanOrEqual(goal), { timeout: 30_000, interval: 20 });
  await vi.waitFor(
    () => expect(Math.min(...readers.map((reader) => reader.numbers.at(-1) ?? 0))).toBeGreaterThanOrEqual(goal),
    { timeout: 30_000, interval: 20 },
  );
}

/** Checks at the end that every reader has the same last event, and only its own events, in order and once each. */
async function settle(): Promise<void> {
  await publisher.stop();
  const last = publisher.accepted;
  await vi.waitFor(() => expect(readers.map((reader) => reader.numbers.at(-1))).toEqual(readers.map(() => last)), {
    timeout: 30_000,
  });
  readers.forEach(({ read, numbers }, index) => {
    const owners = new Set(read.flatMap((entry) => (entry === 'may have missed some' ? [] : [entry.owner])));
    expect([...owners]).toEqual([people[Math.floor(index / nodes.length)]?.viewerId]);
    expect(numbers.filter((number, place) => place > 0 && number <= (numbers[place - 1] ?? 0))).toEqual([]);
  });
}

function expectNothingLost(): void {
  for (const { read, numbers } of readers) {
    expect(read).not.toContain('may have missed some');
    const first = numbers[0] ?? 0;
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => first + index));
    expect(first).toBeLessThanOrEqual(2);
  }
}

/** Checks that the reader was told of every missing number. */
function expectNoSilentLoss(): void {
  for (const { read } of readers) {
    let last = 0;
    let wasNotified = false;
    for (const entry of read) {
      if (entry === 'may have missed some') wasNotified = true;
      else {
        if (last > 0 && entry.number !== last + 1) expect(wasNotified).toBe(true);
        last = entry.number;
        wasNotified = false;
      }
    }
  }
}

/** Tests that run on every store. */
function faultTests(): void {
  it('loses nothing when a node is killed with SIGKILL and comes back', async () => {
    await begin();
    const port = new URL(nodes[1].url).port;
    await nodes[1].end('SIGKILL');
    await progress();
    nodes[1] = await startNode(port);
    await progress();
    await settle();
    expectNothingLost();
  });

  it('loses nothing when the store is killed and comes back with its data; sockets stay open', async () => {
    await begin();
    await store.kill();
    await untilReadyIs(503);
    expect(readers.flatMap(({ closes }) => closes)).toEqual([]);
    await store.start();
    await progress();
    expect(readers.flatMap(({ closes }) => closes)).toEqual([]);
    await settle();
    expectNothingLost();
  });

  it('loses nothing when the connections of the listeners are killed, again and again', async () => {
    await begin();
    for (let round = 0; round < 5; round++) {
      expect(await store.breakListeners()).toBeGreaterThan(0);
      await progress();
    }
    await settle();
    expectNothingLost();
  });

  it('loses nothing when the store hangs for ten seconds', async () => {
    await begin();
    store.freeze();
    await delay(HANG_MS);
    store.thaw();
    await progress();
    await settle();
    expectNothingLost();
  });

  describe('while the store is unavailable', () => {
    it('answers publishers with 503 without publishing, keeps open sockets, and refuses new ones with 1013', async () => {
      await begin();
      await publisher.stop();
      const [person] = people as [Person];
      const late = await token(person.browser)();
      await store.kill();
      await untilReadyIs(503);
      const viewers = people.map(({ viewerId }) => viewerId);
      expect((await publisher.post(nodes[0].url, viewers, 'never')).status).toBe(503);
      const refused = await openSocket(nodes[0].url);
      refused.send({ type: 'connection_init', payload: { token: late } });
      expect((await refused.waitForClose()).code).toBe(CloseCode.TryAgainLater);
      expect(readers.flatMap(({ closes }) => closes)).toEqual([]);
      await store.start();
      await untilReadyIs(200);
      await publisher.resume();
      await progress();
      await settle();
      expectNothingLost();
    });
  });
}

needs('postgres', 'redis')('two nodes and one Redis, while events are published all the time', () => {
  let redis: RedisServer;
  onTwoNodes(async () => {
    const faulty = await faultyRedis();
    ({ redis } = faulty);
    return faulty;
  });
  faultTests();

  it('reports it when Redis comes back without its data, and continues', async () => {
    await begin('once');
    await redis.stop('SIGKILL');
    redis.forget();
    await redis.start();
    await progress();
    await settle();
    expectNoSilentLoss();
    expect(readers.every(({ read }) => read.includes('may have missed some'))).toBe(true);
  });

  it('loses nothing for a client that was cut off and resumed in time', async () => {
    await begin();
    const goal = publisher.accepted + 40;
    const back = vi.waitFor(() => expect(publisher.accepted).toBeGreaterThan(goal), { timeout: 20_000 });
    for (const reader of readers) reader.cut(back);
    await back;
    await progress();
    await settle();
    expectNothingLost();
  });

  it('reports it to a client that was disconnected for longer than the history, and continues', async () => {
    await begin();
    const goal = publisher.accepted + 120;
    const back = vi.waitFor(() => expect(publisher.accepted).toBeGreaterThan(goal), { timeout: 25_000 });
    readers[0]?.cut(back);
    await back;
    await progress();
    await settle();
    expectNoSilentLoss();
    expect(readers[0]?.read.filter((entry) => entry === 'may have missed some')).toHaveLength(1);
    readers.shift();
    expectNothingLost();
  });
});

const withPrograms = postgresPrograms() ? describe : describe.skip;

withPrograms('two nodes on PostgreSQL alone, while events are published all the time', () => {
  onTwoNodes(faultyPostgres);
  faultTests();
});
