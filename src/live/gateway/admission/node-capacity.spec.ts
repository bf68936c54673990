import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import type { LimitsConfig } from '../../live.config.js';
import type { AddressRateLimit } from '../../rate-limit/address.rate-limit.js';
import { RateLimitMetrics } from '../../rate-limit/rate-limit.metrics.js';
import { parseAddressRanges } from '../../viewer/client-address.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import type { ConnectionsElsewhere } from '../connection/connections-elsewhere.js';
import { ConnectionCounts, NodeCapacity } from './node-capacity.js';

const LIMITS: LimitsConfig = {
  maxConnections: 10,
  maxConnectionsPerAddress: 5,
  maxConnectionsPerViewer: 3,
  maxHistoryBytes: 0,
  throttleExempt: parseAddressRanges(['192.0.2.9']),
};

/** The capacity of a process with as many connections here and elsewhere, all of one address block and viewer. */
function capacityWith(here: number, elsewhere: number, limits: Partial<LimitsConfig> = {}): NodeCapacity {
  const counting = (count: number) => ({ ofAddress: () => count, ofViewer: () => count });
  const registry = { all: { size: here }, countOfAddress: () => here, countOfViewer: () => here };
  const others = { total: elsewhere, ...counting(elsewhere) };
  return new NodeCapacity(
    new ConnectionCounts(registry as unknown as ConnectionRegistry, others as unknown as ConnectionsElsewhere),
    {} as AddressRateLimit,
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
