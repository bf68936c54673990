import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { freePort } from '../scripts/free-port.mjs';
import { CloseCode } from '../src/protocol/close-code.js';
import { closeCodeFor, type LiveSocket, openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { createDatabase } from './kit/postgres-database.js';
import { rawUpgrade } from './kit/raw-upgrade.js';
import { spawnServer } from './kit/server-process.js';
import { type LogLine, startWorkers, type WorkersServer } from './kit/workers.js';

const SUBSCRIPTION = 'subscription { userCount }';
const WAIT = { timeout: 60_000, interval: 50 };

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it('WORKERS is refused where workers could not share their store, in one line, before anything starts', async () => {
  const server = spawnServer({ WORKERS: '2' });
  expect(await server.exit).toBe(1);
  const lines = server.output().trim().split('\n');
  expect(lines).toEqual([
    'sallyport: The configuration is invalid:',
    expect.stringMatching(/^ {2}WORKERS: expected 1 /),
  ]);
});

needs('postgres')('two workers', () => {
  let server: WorkersServer;
  beforeAll(async () => {
    server = await startWorkers({ METRICS_PORT: String(await freePort()) });
  });
  afterAll(() => server.remove());

  it('share one port, and what is published through either reaches the sockets of both', async () => {
    const { browser, viewer } = await server.signedIn();
    const sockets = await Promise.all(server.pids().map((pid) => server.socketOn(pid, browser, { resumable: true })));
    for (const socket of sockets) socket.subscribe('1', SUBSCRIPTION);
    // Each publish opens a connection, and workers take connections in turn.
    for (const value of [1, 2, 3, 4]) await server.publish(viewer, value);
    for (const socket of sockets)
      await vi.waitUntil(async () => (await socket.waitForNext('1')).data?.['userCount'] === 4, WAIT);
    await Promise.all(sockets.map((socket) => socket.close()));
  });

  it('close the sockets of a session on both when it ends through one', async () => {
    const { browser } = await server.signedIn();
    const sockets = await Promise.all(server.pids().map((pid) => server.socketOn(pid, browser)));
    await browser.logout();
    const closes = await Promise.all(sockets.map((socket) => socket.waitForClose()));
    expect(closes.map(({ code }) => code)).toEqual([CloseCode.Unauthorized, CloseCode.Unauthorized]);
  });

  it('have one metrics page, with the sums of both, on METRICS_PORT and on the port of the server', async () => {
    const { browser } = await server.signedIn();
    const sockets = await Promise.all(server.pids().map((pid) => server.socketOn(pid, browser)));
    for (const url of [server.url, `http://127.0.0.1:${server.env['METRICS_PORT']}`]) {
      await vi.waitFor(async () => {
        const text = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
        expect(text).toMatch(/^sallyport_sockets 2$/m);
        expect(text).toMatch(/^sallyport_workers\{state="answered"\} 2$/m);
        expect(text).toMatch(/^sallyport_store_up\{store="postgres"\} 1$/m);
        expect(text).toMatch(/^sallyport_build_info\{[^}]*\} 1$/m);
      }, WAIT);
    }
    await Promise.all(sockets.map((socket) => socket.close()));
  });

  it('lose only the sockets of one that is killed; another takes its place, and counters do not go back', async () => {
    const { browser, viewer } = await server.signedIn();
    const [first, second] = server.pids() as [number, number];
    const stays = await server.socketOn(first, browser);
    const affected = await server.socketOn(second, browser, { resumable: true });
    affected.subscribe('1', SUBSCRIPTION);
    await server.publish(viewer, 1);
    const { extensions } = await affected.waitForNext('1');
    const before = await published(server);
    process.kill(second, 'SIGKILL');
    expect((await affected.waitForClose()).code).toBe(1006);
    await server.publish(viewer, 2);
    const replacement = await server.replaced(2, second);
    const again = await server.socketOn(replacement, browser, { resumable: true });
    again.subscribe('1', SUBSCRIPTION, { extensions: { resume: extensions?.['cursor'] } });
    expect(await again.waitForNext('1')).toMatchObject({ data: { userCount: 2 }, extensions: { recovered: true } });
    expect(await published(server)).toBeGreaterThan(before);
    await stays.settled();
    await Promise.all([stays.close(), again.close()]);
  });

  it('are listed in docs/metrics.md with their metrics', async () => {
    const text = await (await fetch(`http://127.0.0.1:${server.env['METRICS_PORT']}/metrics`)).text();
    const page = readFileSync('docs/metrics.md', 'utf8');
    const section = page.split('## With several workers')[1]!;
    const names = (from: string, pattern: RegExp) => [...from.matchAll(pattern)].map(([, name]) => name!);
    expect(names(section, /^\| `(sallyport_\w+)/gm)).toEqual(names(text, /^# TYPE (sallyport_workers?\w*) /gm).sort());
    expect(names(page, /^\| `(sallyport_\w+)/gm)).toEqual(
      expect.arrayContaining(names(text, /^# TYPE (sallyport_\w+) /gm)),
    );
  });

  it('say in one line that the port is in use, as one process does', async () => {
    const second = spawnServer({ ...server.env, METRICS_PORT: '', PORT: new URL(server.url).port, LOG_LEVEL: 'warn' });
    expect(await second.exit).toBe(1);
    expect(second.output().trim()).toMatch(/^sallyport: port \d+ is taken: .* PORT\.$/);
  });

  it('kill and replace one that hangs, while the other serves', { timeout: 150_000 }, async () => {
    const [, second] = server.pids() as [number, number];
    process.kill(second, 'SIGSTOP');
    const replacement = await vi.waitUntil(() => server.pids()[1] !== second && server.pids()[1], {
      timeout: 120_000,
      interval: 100,
    });
    expect(isAlive(second)).toBe(false);
    expect(replacement).not.toBe(second);
    expect((await fetch(`${server.url}/readyz`, { headers: { connection: 'close' } })).status).toBe(200);
  });
});

/** Returns how many events the metrics page counts as published. */
async function published(server: WorkersServer): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.env['METRICS_PORT']}/metrics`)).text();
  return Number(/^sallyport_published_total\{outcome="taken"\} (\d+)/m.exec(text)?.[1]);
}

needs('postgres')('the limits on connections', () => {
  let server: WorkersServer;
  beforeEach(async () => {
    server = await startWorkers({
      TRUSTED_PROXIES: '127.0.0.1',
      MAX_CONNECTIONS: '8',
      MAX_CONNECTIONS_PER_ADDRESS: '4',
      MAX_CONNECTIONS_PER_VIEWER: '3',
    });
  });
  afterEach(() => server.remove());

  /** Attempts until both workers have refused one; the first may come before the workers know of each other. */
  const refusedByBoth = async (attempt: () => Promise<boolean>, isRefusal: (line: LogLine) => boolean) => {
    await vi.waitUntil(attempt, WAIT);
    await vi.waitUntil(async () => {
      expect(await attempt()).toBe(true);
      return (
        new Set(
          server
            .log()
            .filter(isRefusal)
            .map(({ pid }) => pid),
        ).size === 2
      );
    }, WAIT);
  };
  const isRefusedTo = async (address: string, status: number) =>
    (await rawUpgrade(server.url, { headers: { 'x-forwarded-for': address } })).status === status;

  it('WS-7 of a viewer count over both workers; what closes, and what a killed worker had, is free again', async () => {
    const [first, second] = server.pids() as [number, number];
    const { browser } = await server.signedIn();
    const open: LiveSocket[] = [];
    for (const pid of [first, second, second]) open.push(await server.socketOn(pid, browser));
    const isFull = async () => (await closeCodeFor(server.url, await browser.token())) === CloseCode.TryAgainLater;
    await refusedByBoth(isFull, ({ event, code }) => event === 'socket-closed' && code === CloseCode.TryAgainLater);

    await open[0]!.close();
    open[0] = await vi.waitUntil(() => server.socketOn(first, browser).catch(() => null), WAIT);
    await vi.waitUntil(isFull, WAIT);

    // Fetched before: a request that waits for the worker that is killed is reset.
    const inThePlaceOfTwo = [await browser.token(), await browser.token()];
    process.kill(second, 'SIGKILL');
    await Promise.all(open.slice(1).map((socket) => socket.waitForClose()));
    const again = await Promise.all(inThePlaceOfTwo.map((token) => opened(server.url, token)));
    await vi.waitUntil(() => isFull().catch(() => false), WAIT);
    await server.replaced(2, second);
    // The new worker has heard of the sockets on the other one before it listened.
    for (let attempt = 0; attempt < 10; attempt++) expect(await isFull()).toBe(true);
    await Promise.all(again.map((socket) => socket.close()));
  });

  it('WS-7 of a viewer hold also when everything opens at once: what was admitted beyond them closes', async () => {
    const { browser } = await server.signedIn();
    const token = await browser.token();
    const tried = Array.from({ length: 60 }, () => openSocket(server.url, { token }).catch(() => null));
    const admitted = (await Promise.all(tried)).filter((socket) => socket !== null);
    const open = new Set(admitted);
    for (const socket of admitted) void socket.waitForClose().then(() => open.delete(socket));
    await vi.waitUntil(() => open.size <= 3, WAIT);
    expect(open.size).toBe(3);
    expect(await closeCodeFor(server.url, token)).toBe(CloseCode.TryAgainLater);
    await Promise.all([...open].map((socket) => socket.close()));
  });

  it('WS-7 of an address, and of all connections, count over both workers', async () => {
    const [first, second] = server.pids() as [number, number];
    const [address, other] = ['203.0.113.7', '203.0.113.8'];
    const browsers = await Promise.all(Array.from({ length: 4 }, () => server.signedIn()));
    const open: LiveSocket[] = [];
    const openOnBoth = async (index: number, from: string) => {
      for (const pid of [first, second])
        open.push(await server.socketOn(pid, browsers[index]!.browser, { address: from }));
    };
    await openOnBoth(0, address);
    await openOnBoth(1, address);
    await refusedByBoth(
      () => isRefusedTo(address, 429),
      ({ status }) => status === 429,
    );
    expect(await isRefusedTo(other, 101)).toBe(true);
    await openOnBoth(2, other);
    await openOnBoth(3, other);
    await refusedByBoth(
      () => isRefusedTo('203.0.113.9', 503),
      ({ status }) => status === 503,
    );
    await open[0]!.close();
    await vi.waitUntil(() => isRefusedTo(address, 101), WAIT);
    await Promise.all(open.map((socket) => socket.close()));
  });
});

/** Opens a socket with this token, as soon as there is room for it. */
function opened(url: string, token: string): Promise<LiveSocket> {
  return vi.waitUntil(() => openSocket(url, { token }).catch(() => null), WAIT);
}

needs('postgres')('the end of all workers', () => {
  const running: WorkersServer[] = [];
  const started = async (env: Readonly<Record<string, string>> = {}): Promise<WorkersServer> => {
    const server = await startWorkers(env);
    running.push(server);
    return server;
  };
  afterAll(() => Promise.all(running.map((server) => server.remove())));

  it('SIGTERM drains them together: 1012, and exit code 0', async () => {
    const server = await started();
    const { browser } = await server.signedIn();
    const sockets = await Promise.all(server.pids().map((pid) => server.socketOn(pid, browser)));
    const exit = server.end('SIGTERM');
    const closes = await Promise.all(sockets.map((socket) => socket.waitForClose()));
    expect(closes.map(({ code }) => code)).toEqual([CloseCode.ServiceRestart, CloseCode.ServiceRestart]);
    expect(await exit).toBe(0);
    expect(server.pids().filter(isAlive)).toEqual([]);
  });

  it('a signal to the primary and to its workers at once, as Ctrl-C in a terminal, is one signal', async () => {
    const server = await started();
    const [first, second] = server.pids() as [number, number];
    for (const pid of [first, second, server.child.pid!]) process.kill(pid, 'SIGINT');
    expect(await server.end('SIGINT')).toBe(0);
    expect(server.output()).not.toContain('is replaced');
  });

  it('a second signal ends what hangs, with code 1', async () => {
    const server = await started();
    const [first] = server.pids() as [number, number];
    process.kill(first, 'SIGSTOP');
    const exit = server.end('SIGTERM');
    // The other worker has drained. Two signals within a second count as one.
    const again = setInterval(() => server.child.kill('SIGTERM'), 1_500);
    expect(await exit).toBe(1);
    clearInterval(again);
    expect(isAlive(first)).toBe(false);
  });

  it('a primary that is killed takes its workers with it, which drain', async () => {
    const server = await started();
    const { browser } = await server.signedIn();
    const socket = await server.socketOn(server.pids()[0]!, browser);
    await server.end('SIGKILL');
    expect((await socket.waitForClose()).code).toBe(CloseCode.ServiceRestart);
    await vi.waitUntil(() => !server.pids().some(isAlive), WAIT);
  });

  it('a first worker that is killed while it starts ends the server with code 1 and a line that says so', async () => {
    const database = await createDatabase();
    const server = spawnServer({ WORKERS: '2', PORT: '0', DATABASE_URL: database.url });
    const starts = /"pid":(\d+),"msg":"a worker starts"/;
    await vi.waitUntil(() => starts.test(server.output()), { ...WAIT, interval: 5 });
    process.kill(Number(starts.exec(server.output())?.[1]), 'SIGKILL');
    expect(await server.exit).toBe(1);
    expect(server.output()).toMatch(/^sallyport: worker 1 was ended by SIGKILL while it started, .*$/m);
    await database.drop();
  });

  it('a crash loop ends the server with code 1 and a line that says so', async () => {
    const server = await started();
    const killed = new Set<number>();
    const killer = setInterval(() => {
      for (const { msg, worker, pid } of server.log()) {
        if (msg !== 'a worker starts' || worker !== 2 || pid === undefined || killed.has(pid)) continue;
        killed.add(pid);
        if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      }
    }, 20);
    await vi.waitUntil(() => server.child.exitCode !== null, WAIT);
    clearInterval(killer);
    expect(server.child.exitCode).toBe(1);
    expect(server.output()).toMatch(/^sallyport: worker 2 ended five times in a row soon after its start \(SIGKILL\)/m);
    expect(server.pids().filter(isAlive)).toEqual([]);
  });
});
