import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpAdapterHost } from '@nestjs/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { rawUpgrade } from '../../../test/kit/raw-upgrade.js';
import type { GatewayMetrics } from './admission/gateway.metrics.js';
import type { OriginPolicy } from './admission/origin.policy.js';
import type { NodeCapacity } from './admission/node-capacity.js';
import { UpgradePolicy } from './admission/upgrade.policy.js';
import type { Connections } from './connections.js';
import { SocketGateway } from './socket.gateway.js';
import { gatewayConfig as CONFIG } from '../../../test/kit/gateway-config.js';

/** What happens while the upgrade's address is counted. */
let duringCount: () => void;
/** Ends the drain: until then ws itself would still open sockets. */
let drained: () => void;
let opened: number;
let policy: UpgradePolicy;
/** The errors of upgrades that have failed. */
let failures: unknown[];
let gateway: SocketGateway;
let server: Server;
let url: string;

beforeEach(async () => {
  opened = 0;
  failures = [];
  duringCount = () => {};
  const draining = new Promise<void>((resolve) => (drained = resolve));
  const capacity = {
    refusal: () => null,
    count: async () => {
      duringCount();
      return null;
    },
  };
  const metrics = {
    upgradeRefused: () => {},
    upgradeFailed: (_facts: unknown, error: unknown) => void failures.push(error),
  } as unknown as GatewayMetrics;
  policy = new UpgradePolicy(capacity as unknown as NodeCapacity, {} as OriginPolicy, metrics, CONFIG);
  const connections = {
    canOpen: () => true,
    drain: () => draining,
    open: () => void opened++,
  } as unknown as Connections;
  server = createServer();
  const adapter = { httpAdapter: { getHttpServer: () => server } } as unknown as HttpAdapterHost;
  gateway = new SocketGateway(adapter, policy, connections, CONFIG);
  gateway.onApplicationBootstrap();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  drained();
  await gateway.onModuleDestroy();
  if (server.listening) await once(server.close(), 'close');
});

it('an upgrade is opened while the node does not drain', async () => {
  expect((await rawUpgrade(url)).status).toBe(101);
  expect(opened).toBe(1);
});

it('an upgrade that is still being checked when the drain begins gets 503, and is not opened', async () => {
  duringCount = () => void gateway.onModuleDestroy();
  expect((await rawUpgrade(url)).status).toBe(503);
  expect(opened).toBe(0);
});

it('an upgrade whose checks are over when the drain begins gets 503, and is not opened', async () => {
  const check = policy.check.bind(policy);
  policy.check = async (...upgrade) => {
    const refusal = await check(...upgrade);
    void gateway.onModuleDestroy();
    return refusal;
  };
  expect((await rawUpgrade(url)).status).toBe(503);
  expect(opened).toBe(0);
});

it('an upgrade whose check fails is ended and logged, and the next one is opened', async () => {
  const failure = new Error('The store is broken.');
  duringCount = () => {
    duringCount = () => {};
    throw failure;
  };
  expect((await rawUpgrade(url)).status).toBe(0);
  expect(failures).toEqual([failure]);
  expect((await rawUpgrade(url)).status).toBe(101);
});
