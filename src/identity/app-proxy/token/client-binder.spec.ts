import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { Keyring } from '../../../live/tokens/keyring.js';
import type { AppProxyConfig } from '../../identity.config.js';
import { type BoundClient, ClientBinder } from './client-binder.js';

type BindPolicy = AppProxyConfig['bind'];

const SECRET = 'a-key-of-the-tests-that-is-long-enough-012345';
const page = { address: '203.0.113.9', userAgent: 'Mozilla/5.0 (a shop)' };
const pageV6 = { address: '2001:db8:1:2:3:4:5:6', userAgent: page.userAgent };

function binder(bind: BindPolicy, ...keys: string[]): ClientBinder {
  const config = { secret: 'hush', shops: [], bind };
  return new ClientBinder(new Keyring({ keys: keys.length > 0 ? keys : [SECRET] }), config, pino({ level: 'silent' }));
}

function compare(made: BoundClient, socket: BoundClient, policy: BindPolicy, madeUnder = policy) {
  return binder(policy).mismatch(binder(madeUnder).bind(made) ?? {}, socket);
}

describe('AP-8: the client that a token was made for', () => {
  it.each([
    ['the same client', page, page, null],
    ['IPv4 mapped into IPv6', page, { ...page, address: '::ffff:203.0.113.9' }, null],
    ['another IPv4 address', page, { ...page, address: '203.0.113.10' }, 'address'],
    ['IPv6 in the same /64', pageV6, { ...pageV6, address: '2001:db8:1:2::99' }, null],
    ['IPv6 in another /64', pageV6, { ...pageV6, address: '2001:db8:1:3:3:4:5:6' }, 'address'],
    ['page over IPv4, socket over IPv6', page, pageV6, 'address-family'],
    ['page over IPv6, socket over IPv4', pageV6, page, 'address-family'],
    ['a user agent that differs by one character', page, { ...page, userAgent: `${page.userAgent}.` }, 'user-agent'],
    ['no user agent', page, { ...page, userAgent: null }, 'user-agent'],
    ['an empty user agent', page, { ...page, userAgent: '' }, 'user-agent'],
    ['an unknown address', page, { ...page, address: 'unknown' }, 'address'],
  ])('with ip+ua the client of a socket is compared with that of its token: %s', (_, made, socket, mismatch) => {
    expect(compare(made, socket, 'ip+ua')).toBe(mismatch);
  });

  it('compares only the beginning of a user agent of 100 kB', () => {
    const long = { ...page, userAgent: 'u'.repeat(100_000) };
    expect(compare(long, { ...page, userAgent: 'u'.repeat(512) }, 'ip+ua')).toBeNull();
  });

  it('with ua the address may differ, and the user agent may not', () => {
    expect(compare(page, pageV6, 'ua')).toBeNull();
    expect(compare(page, { ...page, userAgent: 'other' }, 'ua')).toBe('user-agent');
  });

  it('with none every client may use a token', () => {
    expect(compare(page, { address: null, userAgent: null }, 'none')).toBeNull();
  });

  it.each<[BindPolicy, BoundClient]>([
    ['ip+ua', { ...page, address: null }],
    ['ip+ua', { ...page, address: 'unknown' }],
    ['ip+ua', { ...page, userAgent: null }],
    ['ua', { ...page, userAgent: '' }],
  ])('with %s no token is bound to %j', (policy, client) => {
    expect(binder(policy).bind(client)).toBeNull();
  });

  it('a token from a weaker policy is refused by a stronger one', () => {
    expect(compare(page, page, 'ua', 'none')).not.toBeNull();
    expect(compare(page, page, 'ip+ua', 'ua')).not.toBeNull();
  });

  it('is valid after a key rotation until its own key is removed', () => {
    const other = 'another-key-of-the-tests-that-is-long-enough-0';
    const binding = binder('ip+ua').bind(page) ?? {};
    expect(binder('ip+ua', other, SECRET).mismatch(binding, page)).toBeNull();
    expect(binder('ip+ua', other).mismatch(binding, page)).not.toBeNull();
  });

  it('contains neither address nor user agent in the clear', () => {
    expect(JSON.stringify(binder('ip+ua').bind(page))).not.toMatch(/203\.0\.113|Mozilla/);
  });
});
