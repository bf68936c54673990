import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { vi } from 'vitest';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';

const NODES = 3;

/** A Redis Cluster of three masters without replicas, of one test file's own. */
export class RedisCluster {
  private constructor(private readonly servers: readonly RedisServer[]) {}

  static async start(): Promise<RedisCluster> {
    const servers: RedisServer[] = [];
    for (let index = 0; index < NODES; index++) servers.push(await startMember());
    const members = servers.map(({ port }) => `127.0.0.1:${port}`);
    await promisify(execFile)('redis-cli', ['--cluster', 'create', ...members, '--cluster-yes']);
    await Promise.all(servers.map(untilWell));
    return new RedisCluster(servers);
  }

  /** The address of one member; it tells of the others. */
  get url(): string {
    return this.servers[0]?.url ?? '';
  }

  async remove(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.remove()));
  }
}

/** A member talks to the others on a second port, by default 10000 above its own, which may be out of range. */
async function startMember(): Promise<RedisServer> {
  const bus = String(await freePort());
  return RedisServer.start('--cluster-enabled', 'yes', '--cluster-port', bus, '--cluster-node-timeout', '2000');
}

async function untilWell(server: RedisServer): Promise<void> {
  const client = server.client();
  await vi.waitFor(async () => {
    if (!(await client.cluster('INFO')).includes('cluster_state:ok')) throw new Error('not yet');
  }, 15_000);
  client.disconnect();
}
