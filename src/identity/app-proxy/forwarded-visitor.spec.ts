import { describe, expect, it } from 'vitest';
import { parseAddressRange } from '../../live/viewer/client-address.js';
import { forwardedVisitor } from './forwarded-visitor.js';

const SHOP = '198.51.100.7';
const trusted = ['10.0.0.0/8', '127.0.0.1'].map(parseAddressRange).filter((range) => range !== null);

describe("AP-9: the visitor's address comes from the entry that the shop's proxy wrote", () => {
  it.each([
    ['the shop calls us directly', SHOP, '203.0.113.9', '203.0.113.9'],
    ['the visitor sent a list of their own', SHOP, '192.0.2.1, 203.0.113.9', '203.0.113.9'],
    ['one proxy of ours', '10.0.0.1', `203.0.113.9, ${SHOP}`, '203.0.113.9'],
    ['two proxies of ours', '127.0.0.1', `192.0.2.1, 203.0.113.9, ${SHOP}, 10.0.0.1`, '203.0.113.9'],
    ['IPv4 mapped into IPv6', `::ffff:${SHOP}`, '::ffff:203.0.113.9', '203.0.113.9'],
    ['IPv6', SHOP, '2001:DB8:0:0::1', '2001:db8::1'],
    ['a visitor from within our own ranges', SHOP, '10.1.2.3', '10.1.2.3'],
    ['no header', SHOP, undefined, null],
    ["the shop's proxy among the trusted ones", '127.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['garbage', SHOP, 'unknown', null],
    ["garbage in the shop's place", '10.0.0.1', '203.0.113.9, unknown', null],
    ['our proxy has overwritten what the shop wrote', '10.0.0.1', SHOP, SHOP],
    ['only trusted addresses', '127.0.0.1', '127.0.0.1', '127.0.0.1'],
    ['an endless header', SHOP, `${'1.1.1.1,'.repeat(400)}203.0.113.9`, '203.0.113.9'],
  ])("the visitor's address is what the shop's proxy wrote: %s", (_, peer, header, address) => {
    expect(forwardedVisitor(peer, header, trusted)).toBe(address);
  });
});
