import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadConfig } from './load-config.js';

const base = { SECRET_KEYS: randomBytes(32).toString('hex'), APP_PROXY_SECRET: randomBytes(32).toString('hex') };

describe('APP_PROXY_SHOPS', () => {
  it('names shops, each with the origins that its customers see', () => {
    const shops = 'one.myshopify.com,two.myshopify.com=www.two.example|http://two.localhost:4000';
    const outcome = loadConfig({ ...base, APP_PROXY_SHOPS: shops });
    expect(outcome.ok && outcome.config.appProxy.shops).toEqual([
      { domain: 'one.myshopify.com', origins: ['https://one.myshopify.com'] },
      {
        domain: 'two.myshopify.com',
        origins: ['https://two.myshopify.com', 'https://www.two.example', 'http://two.localhost:4000'],
      },
    ]);
  });

  it.each([
    'https://one.myshopify.com',
    'One.myshopify.com',
    'one.myshopify.com=',
    'one.myshopify.com=*',
    'one.myshopify.com=www.one.example|',
    'one.myshopify.com=https://www.one.example/shop',
    'one.myshopify.com=www.one.example=www.two.example',
    'one.myshopify.com,one.myshopify.com',
    'one.myshopify.com=www.one.example,two.myshopify.com=www.one.example',
  ])('refuses %j by name', (shops) => {
    const outcome = loadConfig({ ...base, APP_PROXY_SHOPS: shops });
    expect(outcome.ok ? [] : outcome.faults).toEqual([expect.stringMatching(/^APP_PROXY_SHOPS: /)]);
  });

  it('refuses plain http in production, loopback excepted', () => {
    const production = { ...base, NODE_ENV: 'production', PUBLIC_URL: 'https://app.example' };
    const shop = 'one.myshopify.com';
    expect(loadConfig({ ...production, APP_PROXY_SHOPS: `${shop}=http://www.one.example` })).toMatchObject({
      ok: false,
      faults: [expect.stringMatching(/^APP_PROXY_SHOPS: /) as string],
    });
    expect(loadConfig({ ...production, APP_PROXY_SHOPS: `${shop}=http://one.localhost:4000` }).ok).toBe(true);
  });
});
