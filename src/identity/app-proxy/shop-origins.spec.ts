import { describe, expect, it } from 'vitest';
import { accountViewer, customerViewer } from '../../live/viewer/viewer.js';
import { ShopOrigins } from './shop-origins.js';

const origins = new ShopOrigins({
  secret: 'hush',
  bind: 'ip+ua',
  shops: [
    { domain: 'one.myshopify.com', origins: ['https://one.myshopify.com', 'https://www.one.example'] },
    { domain: 'two.myshopify.com', origins: ['https://two.myshopify.com'] },
  ],
});
const account = accountViewer('6f1c3a52-7d7b-4f3e-9b1a-2f4c5d6e7f80', 'session');
const customerOfOne = customerViewer('one.myshopify.com', '42');

describe('OR-6: a kind of token and the origin it comes from', () => {
  it.each([
    ['an account from the app', account, 'https://app.example', true],
    ['an account from no browser', account, null, true],
    ['an account from a shop', account, 'https://one.myshopify.com', false],
    ["an account from a shop's own domain", account, 'https://www.one.example', false],
    ['a customer from their shop', customerOfOne, 'https://one.myshopify.com', true],
    ["a customer from their shop's own domain", customerOfOne, 'https://www.one.example', true],
    ['a customer from no browser', customerOfOne, null, true],
    ['a customer from another shop', customerOfOne, 'https://two.myshopify.com', false],
  ])('%s: %s', (_, viewer, origin, admitted) => {
    expect(origins.admits(viewer, origin)).toBe(admitted);
  });

  it.each(['http://one.myshopify.com', 'https://one.myshopify.com:8443', 'https://a.one.myshopify.com', 'null'])(
    'takes %s for no shop',
    (origin) => {
      expect(origins.shopOf(origin)).toBeNull();
    },
  );
});
