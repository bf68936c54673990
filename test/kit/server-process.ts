import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/free-port.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What Node 22 and newer compile once for all servers that tests start: a fifth of each start. */
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/compiled');
/** Starts are slow where many tests run at once. */
const READY_WITHIN_MS = 90_000;

/** A server in a process of its own, as `npm start` runs it, for tests that kill it or read what it prints. */
export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it has printed so far, both streams. */
  output(): string;
  /** Sends a signal and waits for the end; its exit code, or the signal's name. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/**
 * Runs `dist/main.js` (npm test has built it) and does not wait: for starts that are meant to fail. Reads `.env` in `cwd`.
 *
 * @param project the folder whose `dist/` is run
 */
export function spawnServer(
  env: Readonly<Record<string, string>>,
  cwd = tmpdir(),
  project = ROOT,
): Omit<ServerProcess, 'url'> & { exit: Promise<number | NodeJS.Signals | null> } {
  const child = spawn(process.execPath, [join(project, 'dist/main.js')], {
    // Not in the project: a developer's own .env must not reach a test.
    cwd,
    env: { PATH: process.env['PATH'] ?? '', LOG_LEVEL: 'info', NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exit = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  const end = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return exit;
  };
  return { child, exit, output: () => printed, end };
}

/** Runs `dist/main.js` and waits until `/readyz` says yes. Give it a `DATA_DIR` or a `DATABASE_URL` of its own. */
export async function startServerProcess(
  env: Readonly<Record<string, string>>,
  project = ROOT,
): Promise<ServerProcess> {
  const port = env['PORT'] ?? String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const server = spawnServer({ HOST: '127.0.0.1', ...env, PORT: port }, tmpdir(), project);
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await isReady(url))) {
    if (server.child.exitCode !== null || Date.now() > deadline) {
      await server.end('SIGKILL');
      throw new Error(`The server did not become ready:\n${server.output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { url, child: server.child, output: server.output, end: server.end };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
