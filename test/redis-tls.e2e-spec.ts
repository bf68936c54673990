import { afterEach, expect, it, vi } from 'vitest';
import { freePort } from '../scripts/free-port.mjs';
import { certificateIn } from './kit/certificate.js';
import { needs } from './kit/needs.js';
import { RedisServer } from './kit/redis-server.js';
import { startServerProcess } from './kit/server-process.js';
import { storage } from './kit/storage.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const clean: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of clean.splice(0).reverse()) await end();
});

needs('redis')('a Redis Cluster with TLS', () => {
  it('is used by a server although its certificate is for its name and not for its address', async () => {
    const folder = temporaryFolder('redis-tls');
    clean.push(() => folder.remove());
    const { cert, key } = certificateIn(folder.path, 'DNS:localhost');
    const port = String(await freePort());
    const options = {
      'tls-port': port,
      'tls-cert-file': cert,
      'tls-key-file': key,
      'tls-ca-cert-file': cert,
      'tls-auth-clients': 'no',
      'tls-cluster': 'yes',
      'cluster-enabled': 'yes',
      'cluster-port': String(await freePort()),
      'cluster-announce-hostname': 'localhost',
      'cluster-preferred-endpoint-type': 'hostname',
    };
    const redis = await RedisServer.start(...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]));
    clean.push(() => redis.remove());
    const client = redis.client();
    clean.push(() => client.disconnect());
    await client.cluster('ADDSLOTSRANGE', 0, 16_383);
    await vi.waitFor(async () => expect(await client.cluster('INFO')).toContain('cluster_state:ok'), 15_000);
    const own = await storage({});
    clean.push(() => own.remove());
    const env = { REDIS_URL: `rediss://localhost:${port}`, NODE_EXTRA_CA_CERTS: cert };
    const server = await startServerProcess({ ...own.env, ...env });
    expect(await server.end()).toBe(0);
  });
});
