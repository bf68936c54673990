import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { isFromPrivateNetwork } from './private-network.js';

const from = (remoteAddress: string | undefined, headers: IncomingHttpHeaders = {}): boolean =>
  isFromPrivateNetwork({ socket: { remoteAddress } as IncomingMessage['socket'], headers });

it.each([
  ...['127.0.0.1', '127.9.9.9', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.1.1'],
  ...['::1', 'fc00::1', 'fdab::1', 'fe80::1', 'fe80::1%eth0', '::ffff:10.1.2.3', '::ffff:7f00:1'],
])('LK-4 %s is of this machine or a private network', (address) => {
  expect(from(address, { host: 'node:3000', accept: '*/*' })).toBe(true);
});

it.each([
  ...['203.0.113.7', '11.0.0.1', '172.15.255.255', '172.32.0.1', '192.169.0.1', '100.64.0.1', '0.0.0.0', '126.0.0.1'],
  ...['2001:db8::1', '::', '::2', 'fec0::1', 'fb00::1', '::ffff:203.0.113.7', '', 'nonsense', undefined],
])('LK-4 %s is not of this machine or a private network', (address) => {
  expect(from(address)).toBe(false);
});

it.each(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded', 'x-real-ip', 'via'])(
  'LK-4 a request with %s came through a proxy, which may be of this machine',
  (name) => {
    expect([from('127.0.0.1', { [name]: '10.1.2.3' }), from('127.0.0.1', { [name]: '' })]).toEqual([false, false]);
  },
);
