import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { vi } from 'vitest';
import { freePort } from '../../scripts/free-port.mjs';
import { RedisServer } from './redis-server.js';
import { temporaryFolder } from './temporary-folder.js';

/** A master, its replica, and the Sentinel that fails over to it. */
export class RedisSentinel {
  private constructor(
    private readonly master: RedisServer,
    private readonly replica: RedisServer,
    private readonly port: number,
    private readonly child: ChildProcess,
    private readonly removeFolder: () => void,
  ) {}

  static async start(): Promise<RedisSentinel> {
    const master = await RedisServer.start();
    const replica = await RedisServer.start('--replicaof', '127.0.0.1', String(master.port));
    const port = await freePort();
    const folder = temporaryFolder('sentinel');
    const file = join(folder.path, 'sentinel.conf');
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder.path}`,
      `sentinel monitor main 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds main 1000',
      'sentinel failover-timeout main 5000',
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
    await untilReplicaIsKnown(port);
    return new RedisSentinel(master, replica, port, child, () => folder.remove());
  }

  /** The `REDIS_URL`; its first Sentinel does not answer. */
  get url(): string {
    return `redis+sentinel://127.0.0.1:1,127.0.0.1:${this.port}/main`;
  }

  async killMaster(): Promise<void> {
    await this.master.stop('SIGKILL');
  }

  async remove(): Promise<void> {
    const closed = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await closed;
    await Promise.all([this.master.remove(), this.replica.remove()]);
    this.removeFolder();
  }
}

/** Waits until the Sentinel has found the replica: without one it cannot fail over. */
async function untilReplicaIsKnown(port: number): Promise<void> {
  const client = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on('error', () => {
    // The Sentinel is still starting.
  });
  await vi.waitFor(
    async () => {
      const replicas = (await client.call('SENTINEL', 'replicas', 'main')) as unknown[];
      if (!JSON.stringify(replicas).includes('"master-link-status","ok"')) throw new Error('not yet');
    },
    { timeout: 25_000, interval: 200 },
  );
  client.disconnect();
}
