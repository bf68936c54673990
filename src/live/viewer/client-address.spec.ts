import { describe, expect, it } from 'vitest';
import { addressBlocks, addressIn, clientAddress, parseAddressRange, parseAddressRanges } from './client-address.js';

const PROXY = '10.0.0.1';
const TRUSTED = parseAddressRanges(['10.0.0.0/8']);
const seenAs = (forwardedFor: string, peer = PROXY): string => clientAddress(peer, forwardedFor, TRUSTED);

describe('PX-1 behind a trusted proxy the client', () => {
  it.each([
    ['as the proxy wrote it', '198.51.100.7'],
    ['behind what the visitor sent', `${'203.0.113.9, '.repeat(3)}198.51.100.7`],
    ['behind 2 KiB that the visitor sent', `${'203.0.113.9, '.repeat(200)}198.51.100.7`],
    ['behind 12 KiB without a comma', `${'x'.repeat(12_000)}, 198.51.100.7`],
    ['before proxies of ours', '198.51.100.7, 10.0.0.3, 10.0.0.2'],
    ['with a port', '198.51.100.7:4711'],
  ])('the client is the rightmost address that is not a trusted proxy: %s', (_, header) => {
    expect(seenAs(header)).toBe('198.51.100.7');
  });

  it('the client is not read from the header of an untrusted peer', () => {
    expect(seenAs('198.51.100.7', '203.0.113.1')).toBe('203.0.113.1');
  });

  it.each(['1.2.3', '127.1', '2130706433', '0x7f.0.0.1', '203.0.113.010'])(
    'the client is the proxy where the proxy has written %s, which is not one spelling of one address',
    (text) => {
      expect(seenAs(text)).toBe(PROXY);
    },
  );

  it('the client is never a partial entry', () => {
    const header = `198.51.100.7${', 10.0.0.2'.repeat(300)}`;
    expect(seenAs(header)).toBe('10.0.0.2');
  });
});

describe('a range', () => {
  it.each(['10.0.0.0/8', '::ffff:10.0.0.0/104', '::ffff:10.1.2.3', '10.1.2.3', '::ffff:10.1.2.3/128'])(
    'written as %s contains 10.1.2.3',
    (text) => {
      expect(addressIn('10.1.2.3', parseAddressRanges([text]))).toBe(true);
      expect(addressIn('11.1.2.3', parseAddressRanges([text]))).toBe(false);
    },
  );

  it.each(['10/8', '10.1', '010.0.0.1', '0x0a.0.0.1', '167772161', '10.0.0.0/33', '10.0.0.0/', ''])(
    'is not %j, which has another spelling or none',
    (text) => {
      expect(parseAddressRange(text)).toBeNull();
    },
  );
});

describe('the networks of an address', () => {
  it('are the address itself for IPv4, and a /64, a /56 and a /48 for IPv6', () => {
    expect(addressBlocks('198.51.100.7')).toEqual(['198.51.100.7']);
    expect(addressBlocks('::ffff:198.51.100.7')).toEqual(['198.51.100.7']);
    expect(addressBlocks('2001:db8:1:2345::1')).toEqual([
      '2001:db8:1:2345::/64',
      '2001:db8:1:2300::/56',
      '2001:db8:1::/48',
    ]);
    expect(addressBlocks('unknown')).toEqual(['unknown']);
  });
});
