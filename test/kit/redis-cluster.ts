import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { vi } from 'vitest';
import { freePort } from '../../scripts/free-port.mjs';
import { RedisServer } from './redis-server.js';

const MASTERS = 3;

/** A Redis Cluster for one test file: three masters, each with a replica if the test needs failover. */
export class RedisCluster {
  private constructor(private readonly servers: readonly RedisServer[]) {}

  static async start({ replicas = 0 }: { replicas?: 0 | 1 } = {}): Promise<RedisCluster> {
    const servers: RedisServer[] = [];
    for (let index = 0; index < MASTERS * (1 + replicas); index++) servers.push(await startMember());
    const members = servers.map(({ port }) => `127.0.0.1:${port}`);
    const more = ['--cluster-replicas', String(replicas), '--cluster-yes'];
    await promisify(execFile)('redis-cli', ['--cluster', 'create', ...members, ...more]);
    await Promise.all(servers.map((server) => untilHealthy(server)));
    if (replicas > 0) await Promise.all(servers.slice(MASTERS).map(untilReplicating));
    return new RedisCluster(servers);
  }

  /** The first member's address, from which clients discover the others. */
  get url(): string {
    return this.servers[0]?.url ?? '';
  }

  /** Every member's address, joined as in `REDIS_URL`. */
  get urls(): string {
    return this.servers.map(({ url }) => url).join(',');
  }

  /** Begins to move a key's slot to another master, as a reshard does; the returned function completes the move. */
  async beginMove(key: string): Promise<() => Promise<void>> {
    const masters = this.servers.slice(0, MASTERS).map((server) => server.client());
    const slot = await masters[0]!.cluster('KEYSLOT', key);
    const ids = await Promise.all(masters.map((client) => client.cluster('MYID')));
    const ranges = await masters[0]!.cluster('SLOTS');
    const [, , master] = ranges.find(([first, last]) => first <= slot && slot <= last)!;
    const owner = ids.indexOf(master![2]);
    const other = (owner + 1) % MASTERS;
    const [from, to] = [masters[owner]!, masters[other]!];
    await to.cluster('SETSLOT', slot, 'IMPORTING', ids[owner]!);
    await from.cluster('SETSLOT', slot, 'MIGRATING', ids[other]!);
    return async () => {
      const keys = await from.cluster('GETKEYSINSLOT', slot, 1_000);
      await from.migrate('127.0.0.1', this.servers[other]!.port, '', 0, 5_000, 'KEYS', ...keys);
      for (const client of [to, from]) await client.cluster('SETSLOT', slot, 'NODE', ids[other]!);
      for (const client of masters) client.disconnect();
    };
  }

  /** Breaks every connection that subscribes. */
  async killSubscribers(): Promise<void> {
    const masters = this.servers.slice(0, MASTERS).map((server) => server.client());
    for (const client of masters) {
      await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      client.disconnect();
    }
  }

  /** Kills the first member, a master. */
  async killFirst(): Promise<void> {
    await this.servers[0]?.stop('SIGKILL');
  }

  async remove(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.remove()));
  }
}

/** Members also use a bus port, by default their own plus 10000, which may be out of range. */
async function startMember(): Promise<RedisServer> {
  const bus = String(await freePort());
  return RedisServer.start('--cluster-enabled', 'yes', '--cluster-port', bus, '--cluster-node-timeout', '2000');
}

async function untilHealthy(server: RedisServer): Promise<void> {
  const client = server.client();
  await vi.waitFor(async () => {
    if (!(await client.cluster('INFO')).includes('cluster_state:ok')) throw new Error('not yet');
  }, 15_000);
  client.disconnect();
}

async function untilReplicating(server: RedisServer): Promise<void> {
  const client = server.client();
  await vi.waitFor(async () => {
    if (!(await client.info('replication')).includes('master_link_status:up')) throw new Error('not yet');
  }, 20_000);
  client.disconnect();
}
