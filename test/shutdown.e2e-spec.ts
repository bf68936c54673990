import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { storage } from './kit/storage.js';

const REQUESTS = 24;

let server: ServerProcess;
let removeStorage: () => Promise<void>;

beforeAll(async () => {
  const { env, remove } = await storage({});
  removeStorage = remove;
  server = await startServerProcess({ ...env, NODE_ENV: 'development', THROTTLE_EXEMPT: '127.0.0.0/8' });
});

afterAll(async () => {
  await server.end('SIGKILL');
  await removeStorage();
});

/** Each costs a password hash, and three are made at a time: most of them wait inside the server. */
async function register(index: number): Promise<number> {
  const query = 'mutation ($e: String!) { register(email: $e, password: "correct horse battery staple") { id } }';
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { e: `person-${index}@example.com` } }),
  });
  await response.arrayBuffer();
  return response.status;
}

it('SIGTERM lets every request that runs have its answer, and the process ends with code 0', async () => {
  const requests = Array.from({ length: REQUESTS }, (_, index) => register(index));
  await Promise.race(requests);
  // What is sent after them is answered: then they have been read, and most of them wait for their hash.
  for (let asked = 0; asked < 5; asked++) await fetch(`${server.url}/healthz`).then((answer) => answer.arrayBuffer());
  const exit = server.end('SIGTERM');
  const answers = await Promise.allSettled(requests);
  const statuses = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : 'no answer'));
  expect(statuses).toEqual(Array.from({ length: REQUESTS }, () => 200));
  expect(await exit).toBe(0);
});
