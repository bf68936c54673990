import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/free-port.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The compile cache of Node 22 and newer, shared by all test servers; saves a fifth of each start. */
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/compiled');
/** Starts are slow when many tests run in parallel. */
const READY_WITHIN_MS = 90_000;

/** A server in its own process, as `npm start` runs it, for tests that kill it or read its output. */
export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Everything it has printed so far to stdout and stderr. */
  output(): string;
  /** Sends a signal and waits for the exit; returns the exit code, or the signal's name. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/**
 * Starts `dist/main.js` (built by `npm test`) without waiting, for starts that should fail. It reads `.env` in `cwd`.
 *
 * @param project the folder that contains `dist/`
 * @param stdout the file that it prints to; its text is then not in `output()`
 */
export function spawnServer(
  env: Readonly<Record<string, string>>,
  cwd = tmpdir(),
  project = ROOT,
  stdout: 'pipe' | number = 'pipe',
): Omit<ServerProcess, 'url'> & { exit: Promise<number | NodeJS.Signals | null> } {
  const child = spawn(process.execPath, [join(project, 'dist/main.js')], {
    // Not the project's folder: a developer's .env must not affect tests.
    cwd,
    env: { PATH: process.env['PATH'] ?? '', LOG_LEVEL: 'info', NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', stdout, 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exit = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  const end = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return exit;
  };
  return { child, exit, output: () => printed, end };
}

/** Starts `dist/main.js` and waits until `/readyz` succeeds. Set `DATA_DIR` or `DATABASE_URL`. */
export async function startServerProcess(
  env: Readonly<Record<string, string>>,
  project = ROOT,
  stdout: 'pipe' | number = 'pipe',
): Promise<ServerProcess> {
  const port = env['PORT'] ?? String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const server = spawnServer({ HOST: '127.0.0.1', ...env, PORT: port }, tmpdir(), project, stdout);
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  while (!(await isReady(url))) {
    if (server.child.exitCode !== null || performance.now() > deadlineMs) {
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
