import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

const children = new Set();
const pinned = spawnSync('taskset', ['-c', '0', 'true']).status === 0;

/** Whether processes can be pinned to a core here. If not, figures are noisier. */
export const canPin = pinned;

/**
 * Starts a Node process on one core, with an IPC channel. It ends when this process ends.
 *
 * @param options.core 0 for servers, 1 for the load generator
 */
export function startChild(args, { core, env = {}, cwd, label }) {
  const command = pinned ? ['taskset', '-c', String(core), process.execPath, ...args] : [process.execPath, ...args];
  const child = spawn(command[0], command.slice(1), {
    cwd,
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-8000)));
  }
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.output = () => `${label} output:\n${output}`;
  return child;
}

/** Resolves with the first message that matches. Throws with the child's output if it ends first. */
export async function message(child, matches, timeoutMs = 60_000) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  const ended = once(child, 'exit', { signal: abort.signal }).then(([code, signal]) => {
    throw new Error(`ended with ${code ?? signal}. ${child.output()}`);
  });
  const heard = (async () => {
    for (;;) {
      const [value] = await once(child, 'message', { signal: abort.signal });
      if (matches(value)) return value;
    }
  })();
  try {
    return await Promise.race([heard, ended]);
  } catch (error) {
    throw error.name === 'AbortError' ? new Error(`no answer in ${timeoutMs / 1000} s. ${child.output()}`) : error;
  } finally {
    clearTimeout(timer);
    abort.abort();
    heard.catch(() => {});
    ended.catch(() => {});
  }
}

/** Ends a child with SIGTERM, and with SIGKILL after `graceMs`. */
export async function stopChild(child, graceMs = 3000) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exit;
  clearTimeout(timer);
}

/** Ends all children that are still running. Called at the end of every run, also after a failure. */
export function stopAll() {
  for (const child of children) child.kill('SIGKILL');
}
