// Another user of the server during an attack; the effect on this user is the effect of the attack.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 25;
const REGISTER =
  'mutation ($email: String!, $password: String!) { register(email: $email, password: $password) { id } }';

/** Sends one document over HTTP; resolves to the response, or null if there was none. */
export async function post(url, body, headers = {}) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', ...headers },
    body: JSON.stringify(body),
  }).catch(() => null);
  await response?.arrayBuffer().catch(() => null);
  return response;
}

/** Registers a user, whose `me` can then be measured. */
export async function startProbe(url) {
  const password = `correct horse ${randomBytes(6).toString('hex')}`;
  const variables = { email: `${randomBytes(6).toString('hex')}@example.test`, password };
  const response = await post(url, { query: REGISTER, variables });
  const cookie = (response?.headers.getSetCookie() ?? []).map((line) => line.split(';', 1)[0]).join('; ');
  return {
    /** Requests `me` repeatedly until `done` settles; resolves to the response times in milliseconds. */
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
