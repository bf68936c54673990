import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createLiveClient, type LiveState } from '../client/index.js';
import { freePort } from '../scripts/free-port.mjs';
import { Inbox } from '../src/testing/inbox.js';
import { openSocket } from '../src/testing/live-socket.js';
import { Browser } from './kit/browser.js';
import { needs } from './kit/needs.js';
import { temporaryFolder } from './kit/temporary-folder.js';
import { createDatabase } from './kit/postgres-database.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WITHIN_MS = 90_000;

interface Cluster {
  /** Its exit code. */
  readonly exit: Promise<number | null>;
  /** Rejects if the output does not match in time. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
  /** Stops it as Ctrl-C does. */
  stop(): Promise<number | null>;
}

const started: ChildProcess[] = [];
afterEach(async () => {
  // Processes that a failed test has left running.
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    await ended;
  }
});

function startCluster(args: readonly string[], env: Readonly<Record<string, string>>): Cluster {
  const child = spawn(process.execPath, [join(ROOT, 'scripts/cluster.mjs'), ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  const exit = once(child, 'close').then(([code]) => code as number | null);
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  return {
    exit,
    prints: (pattern) =>
      vi.waitFor(
        () => {
          const found = pattern.exec(printed);
          if (!found) throw new Error(`Not printed: ${pattern.source}\n${printed}`);
          return found;
        },
        { timeout: WITHIN_MS, interval: 50 },
      ),
    stop: () => {
      child.kill('SIGINT');
      return exit;
    },
  };
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

needs('postgres', 'redis', 'caddy', 'nginx').each(['caddy', 'nginx'])('npm run cluster, with %s in front', (proxy) => {
  it('opens a socket through the proxy, goes on when a node is killed, and stops everything', async () => {
    const database = await createDatabase();
    const port = String(await freePort());
    const env = { DATABASE_URL: database.url, USER_COUNT_INTERVAL_SECONDS: '0.5' };
    const cluster = startCluster(['--port', port, '--proxy', proxy], env);
    await cluster.prints(/Ctrl-C stops everything/);
    const [, url = ''] = await cluster.prints(/app +(http:\S+)/);
    expect(url).toBe(`http://localhost:${port}/`);
    const nodes = await Promise.all(
      ['node-1', 'node-2'].map(async (name) => {
        const [, at = '', pid = ''] = await cluster.prints(new RegExp(`${name} +(http:\\S+) +pid (\\d+)`));
        return { at, pid: Number(pid) };
      }),
    );

    const origin = url.replace(/\/$/, '');
    const [, settings = ''] = await cluster.prints(/CLI +(.*) npm run cli/);
    const seeded = await openSocket(origin, { token: seedOne({ ...env, ...variablesIn(settings) }) });
    await seeded.close();

    const browser = new Browser(origin);
    await browser.register();
    const counts = new Inbox<number>();
    const states = new Inbox<LiveState>();
    const client = createLiveClient({
      url: `${url}graphql`,
      webSocketImpl: WebSocket,
      getToken: () => browser.token(),
      onState: (state) => states.put(state),
    });
    const stop = client.subscribe<{ userCount: number }>(
      { query: 'subscription { userCount }' },
      { next: ({ data }) => data && counts.put(data.userCount), error() {}, complete() {} },
    );
    await states.take((state) => state === 'live', 'the first connection');
    await counts.take();
    const holder = await nodeWithSocket(nodes);
    process.kill(holder.pid, 'SIGKILL');
    await states.take((state) => state === 'reconnecting', 'the loss of the connection');
    await states.take((state) => state === 'live', 'a new connection');
    while (counts.pending.length > 0) await counts.take();
    await counts.take();
    await cluster.prints(/node-[12] ended \(SIGKILL\) and is started again/);
    stop();
    await client.dispose();

    expect(await cluster.stop()).toBe(0);
    expect(nodes.filter(({ pid }) => isRunning(pid))).toEqual([]);
    await expect(fetch(url)).rejects.toThrow('fetch failed');
    for (const { at } of nodes) await expect(fetch(at)).rejects.toThrow('fetch failed');
    await database.drop();
  });
});

needs(
  'postgres',
  'redis',
  'caddy',
)('npm run cluster, ended while it starts', () => {
  it('leaves nothing behind', async () => {
    const folder = temporaryFolder('cluster');
    // PostgreSQL does not run as root.
    chmodSync(folder.path, 0o755);
    const cluster = startCluster(['--port', String(await freePort())], { TMPDIR: folder.path });
    await cluster.prints(/starting PostgreSQL and Redis/);
    expect(await cluster.stop()).toBe(0);
    expect(readdirSync(folder.path)).toEqual([]);
    folder.remove();
  });
});

it.each([
  [['--port', 'none'], /^cluster: --port takes a number/m],
  [['--nodes', '3'], /^cluster: Unknown option '--nodes'/m],
])('npm run cluster %j says in one line what is wrong with its options', async (options, line) => {
  const cluster = startCluster(options, {});
  await cluster.prints(line);
  expect(await cluster.exit).toBe(1);
});

/** The variables of a command line, as a shell reads them. */
function variablesIn(line: string): Readonly<Record<string, string>> {
  return Object.fromEntries(line.split(' ').map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]));
}

/** Makes an account with the CLI; returns a token of it. */
function seedOne(env: Readonly<Record<string, string>>): string {
  const args = [join(ROOT, 'dist/server/cli/main.js'), 'seed', '--users', '1'];
  const [person] = JSON.parse(execFileSync(process.execPath, args, { cwd: tmpdir(), env, encoding: 'utf8' })) as {
    token: string;
  }[];
  return person?.token ?? '';
}

/** Returns the node that has the open socket. */
async function nodeWithSocket<Node extends { readonly at: string }>(nodes: readonly Node[]): Promise<Node> {
  for (const node of nodes) {
    const metrics = await (await fetch(`${node.at}/metrics`)).text();
    if (/^sallyport_sockets [1-9]/m.test(metrics)) return node;
  }
  throw new Error('No node has a socket.');
}
