import { describe, expect, it } from 'vitest';
import { ShopOrigins } from './shop-origins.js';

const origins = new ShopOrigins({
  secret: 'hush',
  bind: 'ip+ua',
  shops: [
    { domain: 'one.myshopify.com', origins: ['https://one.myshopify.com', 'https://www.one.example'] },
    { domain: 'two.myshopify.com', origins: ['https://two.myshopify.com'] },
  ],
});

describe('OR-6: a kind of token and the origin it comes from', () => {
  it.each([
    ['a customer from the app', 'https://app.example', true],
    ['a customer from their shop', 'https://one.myshopify.com', true],
    ["a customer from their shop's own domain", 'https://www.one.example', true],
    ['a customer from no browser', null, true],
    ['a customer from another shop', 'https://two.myshopify.com', false],
  ])('the token of %s is admitted from the app, from its shop and from no other: %s', (_, origin, admitted) => {
    expect(origins.admits('one.myshopify.com', origin)).toBe(admitted);
  });

  it.each(['http://one.myshopify.com', 'https://one.myshopify.com:8443', 'https://a.one.myshopify.com', 'null'])(
    'does not treat %s as a shop',
    (origin) => {
      expect(origins.shopOf(origin)).toBeNull();
    },
  );
});
