import { expect, it } from 'vitest';
import { loadConfig } from '../config/load-config.js';

const SECRET_KEYS = 'kX7pQ2vT9mB4nZ6rW8yC1dF3gH5jL0sA';
const PUBLIC_URL = 'https://app.example';
const PRODUCTION = { NODE_ENV: 'production', SECRET_KEYS, PUBLIC_URL };
const PORT = { METRICS_PORT: '9464' };

it.each([
  ['in production to a private network', PRODUCTION, 'private'],
  ['in production to nobody with METRICS_PORT', { ...PRODUCTION, ...PORT }, 'nobody'],
  ['at a public URL without NODE_ENV to a private network', { SECRET_KEYS, PUBLIC_URL }, 'private'],
  ['at a public URL without NODE_ENV to nobody with METRICS_PORT', { SECRET_KEYS, PUBLIC_URL, ...PORT }, 'nobody'],
  ['in development to everybody', { NODE_ENV: 'development', SECRET_KEYS, PUBLIC_URL }, 'everybody'],
  ['in development to everybody with METRICS_PORT', { SECRET_KEYS, ...PORT }, 'everybody'],
])("LK-4 the server's port serves metrics %s", (_, env, onServer) => {
  expect(loadConfig(env)).toMatchObject({ ok: true, config: { metrics: { onServer } } });
});
