// Somebody else who uses the server while it is attacked: what they notice is what an attack has done.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 25;
const REGISTER =
  'mutation ($email: String!, $password: String!) { register(email: $email, password: $password) { id } }';

/** Sends one document over HTTP; resolves to the response, or null where none came. */
export async function post(url, body, headers = {}) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', ...headers },
    body: JSON.stringify(body),
  }).catch(() => null);
  await response?.arrayBuffer().catch(() => null);
  return response;
}

/** Signs somebody up, whose `me` can then be watched. */
export async function witness(url) {
  const password = `correct horse ${randomBytes(6).toString('hex')}`;
  const variables = { email: `${randomBytes(6).toString('hex')}@example.test`, password };
  const response = await post(url, { query: REGISTER, variables });
  const cookie = (response?.headers.getSetCookie() ?? []).map((line) => line.split(';', 1)[0]).join('; ');
  return {
    /** Asks for `me` again and again until `done` settles; resolves to the milliseconds that the answers took. */
    async watch(done) {
      let over = false;
      const settled = done.finally(() => (over = true));
      const times = [];
      let failed = 0;
      while (!over) {
        const startedAt = performance.now();
        const answer = await post(url, { query: '{ me { user { id } } }' }, { cookie });
        times.push(performance.now() - startedAt);
        if (answer?.status !== 200) failed++;
        await delay(PAUSE_MS);
      }
      await settled;
      times.sort((one, other) => one - other);
      const at = (share) => Math.round(times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0);
      return { p50: at(0.5), p99: at(0.99), longest: at(1), answers: times.length, failed };
    },
  };
}
