import type { IncomingMessage } from 'node:http';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import type { LimitsConfig } from '../../live.config.js';
import type { AddressRateLimit } from '../../rate-limit/address.rate-limit.js';
import { RateLimitMetrics } from '../../rate-limit/rate-limit.metrics.js';
import { parseAddressRanges } from '../../viewer/client-address.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import type { ConnectionsElsewhere } from '../connection/connections-elsewhere.js';
import type { GatewayMetrics } from './gateway.metrics.js';
import { OriginPolicy } from './origin.policy.js';
import { ConnectionCounts, NodeCapacity, UpgradePolicy } from './upgrade.policy.js';
import { gatewayConfig as CONFIG } from '../../../../test/kit/gateway-config.js';

const LIMITS: LimitsConfig = {
  maxConnections: 10,
  maxConnectionsPerAddress: 5,
  maxConnectionsPerViewer: 3,
  maxHistoryBytes: 0,
  throttleExempt: parseAddressRanges(['192.0.2.9']),
};

/** The capacity of a process with as many connections here and elsewhere, all of one address block and viewer. */
function capacityWith(
  here: number,
  elsewhere: number,
  limits: Partial<LimitsConfig> = {},
  rateLimit: Partial<AddressRateLimit> = {},
): NodeCapacity {
  const counting = (count: number) => ({ ofAddress: () => count, ofViewer: () => count });
  const registry = { all: { size: here }, countOfAddress: () => here, countOfViewer: () => here };
  const others = { total: elsewhere, ...counting(elsewhere) };
  return new NodeCapacity(
    new ConnectionCounts(registry as unknown as ConnectionRegistry, others as unknown as ConnectionsElsewhere),
    rateLimit as AddressRateLimit,
    new RateLimitMetrics(new Registry()),
    { ...LIMITS, ...limits },
  );
}

it.each([
  [9, 0, null],
  [10, 0, 503],
  [4, 5, null],
  [4, 6, 503],
  [0, 10, 503],
])('with %i connections here and %i elsewhere, one more of 10 gets %s', (here, elsewhere, status) => {
  expect(capacityWith(here, elsewhere).refusal('192.0.2.9')?.status ?? null).toBe(status);
});

it('one process opens no more than it may itself, whatever the others leave', () => {
  expect(capacityWith(3, 0, { maxConnectionsHere: 4 }).refusal('192.0.2.9')).toBeNull();
  expect(capacityWith(4, 0, { maxConnectionsHere: 4 }).refusal('192.0.2.9')?.status).toBe(503);
});

it.each([
  ['192.0.2.1', 2, 2, null],
  ['192.0.2.1', 2, 3, 429],
  ['192.0.2.1', 0, 5, 429],
  ['192.0.2.9', 2, 3, null],
])('an address %s with %i connections here and %i elsewhere gets %s', (address, here, elsewhere, status) => {
  expect(capacityWith(here, elsewhere).refusal(address)?.status ?? null).toBe(status);
});

it.each([
  [1, 1, false],
  [1, 2, true],
  [0, 3, true],
])('a viewer with %i connections here and %i elsewhere: full is %s', (here, elsewhere, full) => {
  expect(capacityWith(here, elsewhere).isFullFor('user:1')).toBe(full);
});

/** An upgrade that nothing is wrong with, of a page at `https://app.example`. */
function upgrade(): IncomingMessage {
  const headers = {
    host: 'live.example',
    origin: 'https://app.example',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-protocol': 'graphql-transport-ws',
  };
  const request = { url: '/graphql', method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1, socket: {}, headers };
  return { ...request, rawHeaders: Object.entries(headers).flat() } as unknown as IncomingMessage;
}

const FACTS = { address: '192.0.2.1', userAgent: null, origin: 'https://app.example', requestId: 'r' };

it('an upgrade is accepted by a node that does not drain, and gets 503 from one that does, without being counted', async () => {
  let counted = 0;
  const rateLimit = {
    retryAfter: async () => {
      counted++;
      return null;
    },
  };
  const origins = new (class extends OriginPolicy {
    override async allows(): Promise<boolean> {
      return true;
    }
  })();
  const policy = new UpgradePolicy(capacityWith(0, 0, {}, rateLimit), origins, {} as GatewayMetrics, CONFIG);
  expect([await policy.check(upgrade(), FACTS, false), counted]).toEqual([null, 1]);
  expect([(await policy.check(upgrade(), FACTS, true))?.status, counted]).toEqual([503, 1]);
});
