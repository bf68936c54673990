import { pino } from 'pino';
import { expect, it } from 'vitest';
import { liveConfigOf } from './live-config.js';
import { loadConfig } from './load-config.js';

function originsWith(env: Record<string, string>): readonly string[] {
  const outcome = loadConfig({ SECRET_KEYS: 'q7Zr2LmX0vKc9TfWbN4yHs8DgUe1PaJo5iQwRtYk', PORT: '3000', ...env });
  if (!outcome.ok) throw new Error(outcome.faults.join('\n'));
  return liveConfigOf(outcome.config, pino({ level: 'silent' })).gateway.origins;
}

it("loopback origins with the server's port may open sockets outside production", () => {
  const origins = originsWith({ NODE_ENV: 'development', PUBLIC_URL: 'https://app.example' });
  expect(origins).toEqual([
    'https://app.example',
    'http://localhost:3000',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
  ]);
});

it('only PUBLIC_URL and ALLOWED_ORIGINS may open sockets in production', () => {
  const env = { NODE_ENV: 'production', PUBLIC_URL: 'https://app.example', ALLOWED_ORIGINS: 'https://b.example' };
  expect(originsWith({ ...env, DATABASE_URL: 'postgresql://127.0.0.1/none' })).toEqual([
    'https://app.example',
    'https://b.example',
  ]);
});
