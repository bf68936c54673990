import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import type { GatewayMetrics } from './gateway.metrics.js';
import type { NodeCapacity } from './node-capacity.js';
import { OriginPolicy } from './origin.policy.js';
import { UpgradePolicy } from './upgrade.policy.js';
import { gatewayConfig as CONFIG } from '../../../../test/kit/gateway-config.js';

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
  const capacity = {
    refusal: () => null,
    count: async () => {
      counted++;
      return null;
    },
  };
  const origins = new (class extends OriginPolicy {
    override async allows(): Promise<boolean> {
      return true;
    }
  })();
  const policy = new UpgradePolicy(capacity as unknown as NodeCapacity, origins, {} as GatewayMetrics, CONFIG);
  expect([await policy.check(upgrade(), FACTS, false), counted]).toEqual([null, 1]);
  expect([(await policy.check(upgrade(), FACTS, true))?.status, counted]).toEqual([503, 1]);
});
