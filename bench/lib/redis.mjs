// The benchmark's own Redis, and the latency of bare pub/sub through it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../scripts/free-port.mjs';
import { canPin } from './child.mjs';

const PROGRAMS = ['redis-server', 'valkey-server'];

/** Whether Redis is installed. */
export const hasRedis = PROGRAMS.some((program) => spawnSync(program, ['--version']).status === 0);

/** Starts Redis on a free port, without persistence, on the load generator's core. `{ url, port, pid, stop() }`. */
export async function ownRedis() {
  const program = PROGRAMS.find((name) => spawnSync(name, ['--version']).status === 0);
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-redis-'));
  const args = [
    program,
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder,
  ];
  const [command, ...rest] = canPin ? ['taskset', '-c', '1', ...args] : args;
  const child = spawn(command, rest, { stdio: 'ignore' });
  await reachable(port);
  const stop = async () => {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: `redis://127.0.0.1:${port}`, port, pid: child.pid, stop };
}

async function reachable(port) {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline;) {
    const socket = connect(port, '127.0.0.1');
    const answered = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('Redis did not start');
}

/** Milliseconds from PUBLISH to the message, one at a time, over two bare connections. */
export async function bareLatencies(port, count, pauseMs) {
  const [publisher, subscriber] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  for (const socket of [publisher, subscriber]) {
    socket.setNoDelay(true);
    await once(socket, 'connect');
  }
  publisher.resume();
  subscriber.write('SUBSCRIBE bare\r\n');
  await once(subscriber, 'data');
  const latencies = [];
  for (let index = 0; index < count; index++) {
    const message = once(subscriber, 'data');
    const sentAt = performance.now();
    publisher.write(`PUBLISH bare ${index}\r\n`);
    await message;
    latencies.push(performance.now() - sentAt);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  for (const socket of [publisher, subscriber]) socket.destroy();
  return latencies;
}
