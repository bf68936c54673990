import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConnectionAuthenticator } from '../connection-authenticator.js';
import type { GatewayConfig } from '../../live.config.js';
import { ConfiguredOrigins, isAllowedOrigin, OriginPolicy, parseOrigin } from './origin.policy.js';

const CONFIG: GatewayConfig = {
  path: '/graphql',
  secure: true,
  trustedProxies: [],
  origins: ['https://app.example', 'https://other.example:8443'],
  sameHost: false,
  sharesServer: false,
  introspection: false,
};

class Shop extends ConnectionAuthenticator {
  override recognises = () => false;
  override authenticate = () => Promise.reject(new Error('Nobody asks.'));
  override ownsOrigin = (origin: string) => ['https://demo.myshopify.com', 'https://www.demo.example'].includes(origin);
}

const SHOPS = [new Shop()];

function answering(answer: () => unknown): OriginPolicy {
  return new (class extends OriginPolicy {
    override allows(): Promise<boolean> {
      return answer() as Promise<boolean>;
    }
  })();
}

describe('ConfiguredOrigins', () => {
  const policy = new ConfiguredOrigins(CONFIG, SHOPS);

  it.each(['https://app.example', 'https://other.example:8443'])('allows %s', async (origin) => {
    expect(await isAllowedOrigin(policy, origin, 'socket')).toBe(true);
  });

  it.each([
    'null',
    '',
    '*',
    'http://app.example',
    'https://app.example:444',
    'https://app.example.evil.tld',
    'https://evilapp.example',
    'https://app.example.',
    'https://app.example/',
    'https://APP.example',
    'https://app.example@evil.tld',
    'https://user@app.example',
    'https://other.example',
    'http://localhost:3000',
    'https://app.example,https://evil.tld',
    'https://a.demo.myshopify.com',
    'http://www.demo.example',
  ])('OR-1 OR-2 refuses %j', async (origin) => {
    expect(await isAllowedOrigin(policy, origin, 'socket')).toBe(false);
  });

  it.each(['https://demo.myshopify.com', 'https://www.demo.example'])(
    'OR-6 lets the shop %s open sockets, but not call with cookies',
    async (origin) => {
      expect(await isAllowedOrigin(policy, origin, 'socket')).toBe(true);
      expect(await isAllowedOrigin(policy, origin, 'http')).toBe(false);
    },
  );

  it.each([
    ['https://shop.example', 'shop.example', true],
    ['https://shop.example', 'shop.example:443', true],
    ['http://localhost:3000', 'localhost:3000', true],
    ['https://shop.example', undefined, false],
    ['https://shop.example', 'shop.example:8443', false],
    ['https://evil.example', 'shop.example', false],
    ['https://shop.example', 'shop.example@evil.example', false],
    ['https://shop.example', 'evil.example/shop.example', false],
  ])(
    'whether %s on the host %s is allowed, if pages of the same host may connect: %s',
    async (origin, host, allowed) => {
      const sameHost = new ConfiguredOrigins({ ...CONFIG, sameHost: true }, []);
      expect(await isAllowedOrigin(sameHost, origin, 'socket', host)).toBe(allowed);
      expect(await isAllowedOrigin(sameHost, origin, 'http', host)).toBe(false);
      expect(await isAllowedOrigin(policy, origin, 'socket', host)).toBe(false);
    },
  );
});

describe('isAllowedOrigin', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each([
    ['throws', () => expect.fail()],
    ['rejects', () => Promise.reject(new Error('lookup failed'))],
    ['says "false"', async () => 'false'],
    ['says undefined', async () => undefined],
    ['says 1', async () => 1],
    ['resolves to an object', async () => ({})],
  ])('OR-5 refuses if the policy %s', async (_, answer) => {
    expect(await isAllowedOrigin(answering(answer), 'https://app.example', 'socket')).toBe(false);
  });

  it('OR-5 refuses when the policy hangs', async () => {
    const verdict = isAllowedOrigin(
      answering(() => new Promise(() => {})),
      'https://app.example',
      'socket',
    );
    await vi.advanceTimersByTimeAsync(2_001);
    expect(await verdict).toBe(false);
  });
});

it('a custom policy may be asynchronous, gets a parsed origin, and is never called for null', async () => {
  const allows = vi.fn((origin: URL) => Promise.resolve(origin.hostname.endsWith('.tenant.example')));
  expect(await isAllowedOrigin({ allows }, 'https://one.tenant.example', 'socket')).toBe(true);
  expect(await isAllowedOrigin({ allows }, 'null', 'socket')).toBe(false);
  expect(allows).toHaveBeenCalledTimes(1);
});

it('parseOrigin reads an origin as browsers write it and nothing else', () => {
  expect(parseOrigin('https://a.example:444')?.host).toBe('a.example:444');
  expect(parseOrigin(`https://${'a'.repeat(400)}.example`)).toBeNull();
});
