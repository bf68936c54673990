import { readFileSync } from 'node:fs';
import { developmentKeyFile } from '../../src/identity/api-keys/development-key.js';
import type { TestServer } from './server.js';

/** Publishes one notification by `POST /publish` with the development key, as a backend does. */
export function publishOver(
  server: Pick<TestServer, 'url' | 'env'>,
  viewer: string,
  title = 'Hello',
): Promise<Response> {
  const key = readFileSync(developmentKeyFile(server.env['DATA_DIR'] ?? ''), 'utf8');
  return fetch(`${server.url}/publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ events: [{ topic: 'notifications', viewer, payload: { title, kind: 'test' } }] }),
  });
}
