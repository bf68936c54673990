// Attackers guess at one account from changing networks and fill the hashing queue; meanwhile the owner signs in on a
// known device, and other users on new ones.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

const SECONDS = 60;
const GUESSES_A_SECOND = 10;
/** Concurrent wrong logins from one /48, each to a different account. */
const BURST = 120;
const BURST_EVERY_SECONDS = 5;
const OWNER_TRIES = 20;
const OTHERS = 25;
const TIMEOUT_MS = 3_000;
const NEEDED = 0.95;

const LOGIN = 'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { id } }';
const REGISTER = LOGIN.replace('login', 'register');

const hex = (bytes) => randomBytes(bytes).toString('hex');
const someone = () => ({ email: `${hex(6)}@example.test`, password: `correct horse ${hex(6)}` });

/** A client with its own address, which the server accepts because it trusts this machine as a proxy. */
function clientOf(url, address) {
  const cookies = new Map();
  return async function ask(query, variables) {
    const headers = {
      'content-type': 'application/json',
      'sec-fetch-site': 'same-origin',
      'x-forwarded-for': address(),
    };
    if (cookies.size > 0) headers.cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const startedAt = performance.now();
    const body = JSON.stringify({ query, variables });
    const answer = await fetch(`${url}/graphql`, { method: 'POST', headers, body }).catch(() => null);
    if (!answer) return { code: 'NO_ANSWER', ms: performance.now() - startedAt };
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    const { errors = [] } = await answer.json();
    return { code: errors[0]?.extensions.code ?? 'OK', ms: performance.now() - startedAt };
  };
}

const tally = (codes) =>
  Object.fromEntries([...new Set(codes)].map((code) => [code, codes.filter((one) => one === code).length]));

/** Guesses, and bursts, until stopped; resolves to the responses. */
async function attack(url, email, stopped) {
  const guesser = clientOf(url, () => `2001:db8:${(1 + Math.floor(Math.random() * 4)).toString(16)}:${hex(2)}::1`);
  const crowd = clientOf(url, () => `2001:db8:f:${hex(2)}::1`);
  const [guesses, burst] = [[], []];
  const pending = [];
  for (let turn = 0; !stopped(); turn++) {
    pending.push(guesser(LOGIN, { email, password: 'not this one either' }).then(({ code }) => guesses.push(code)));
    if (turn % (BURST_EVERY_SECONDS * GUESSES_A_SECOND) === 0) {
      for (let n = 0; n < BURST; n++)
        pending.push(
          crowd(LOGIN, { email: `${hex(6)}@example.test`, password: hex(8) }).then(({ code }) => burst.push(code)),
        );
    }
    await delay(1000 / GUESSES_A_SECOND);
  }
  await Promise.all(pending);
  return { guesses: tally(guesses), bursts: tally(burst) };
}

/** @type {import('../attack.mjs').Attack} */
export default {
  name: 'sign-in-flood',
  rows: ['BF-2', 'BF-4', 'PW-5'],
  title: `${GUESSES_A_SECOND} guesses a second at one account from changing /64s, ${BURST} wrong logins at once every ${BURST_EVERY_SECONDS} s`,
  async run({ startServer, log }) {
    const { url } = await startServer({ env: { THROTTLE_EXEMPT: '', TRUSTED_PROXIES: '127.0.0.1' } });
    const owner = someone();
    const device = clientOf(url, () => '203.0.113.7');
    await device(REGISTER, owner);
    await device('mutation { logout }');
    const others = [];
    for (let n = 0; n < OTHERS; n++) {
      const who = someone();
      await clientOf(url, () => `198.51.100.${n + 1}`)(REGISTER, who);
      others.push(who);
    }
    let over = false;
    const attacked = attack(url, owner.email, () => over);
    await delay(5_000);
    const [owners, honest] = [[], []];
    for (let turn = 0; turn < OWNER_TRIES; turn++) {
      const startedAt = performance.now();
      owners.push(await device(LOGIN, owner));
      await device('mutation { logout }');
      const rest = others.slice((turn * OTHERS) / OWNER_TRIES, ((turn + 1) * OTHERS) / OWNER_TRIES);
      for (const [n, who] of rest.entries())
        honest.push(await clientOf(url, () => `192.0.2.${(turn * 5 + n) % 250}`)(LOGIN, who));
      if (turn % 5 === 4)
        log(`${turn + 1} sign-ins of the owner: ${JSON.stringify(tally(owners.map(({ code }) => code)))}`);
      await delay(Math.max(0, ((SECONDS - 5) * 1000) / OWNER_TRIES - (performance.now() - startedAt)));
    }
    over = true;
    const answers = await attacked;
    const inTime = (all) => all.filter(({ code, ms }) => code === 'OK' && ms <= TIMEOUT_MS).length;
    const slowest = (all) => Math.round(Math.max(...all.map(({ ms }) => ms)));
    const figures = {
      [`the owner's device, in within ${TIMEOUT_MS / 1000} s`]: `${inTime(owners)} of ${owners.length}`,
      'its slowest answer [ms]': slowest(owners),
      'other people on new devices, in': `${inTime(honest)} of ${honest.length}`,
      'their slowest answer [ms]': slowest(honest),
      'guesses were answered': answers.guesses,
      'bursts were answered': answers.bursts,
    };
    const held = inTime(owners) >= NEEDED * owners.length && inTime(honest) >= NEEDED * honest.length;
    return { held, figures };
  },
};
