// `npm run demo -- [url]`: runs a new user's flow against a running server, from the first cookie to the close code.
import { randomBytes } from 'node:crypto';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { loadEnvFile } from './env-file.mjs';

const VALUES = 3;
const PATIENCE_MS = 60_000;
loadEnvFile();
const url = (process.argv[2] || process.env.PUBLIC_URL || `http://localhost:${process.env.PORT || 3000}`).replace(
  /\/$/,
  '',
);
const cookies = new Map();

/** An expected failure that one sentence explains. */
class Trouble extends Error {}

try {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new Trouble(`"${url}" is not an http(s) URL. Use: npm run demo -- http://localhost:3000`);
  await play();
} catch (error) {
  console.error(error instanceof Trouble ? error.message : error);
  process.exitCode = 1;
}

async function play() {
  const email = `demo-${randomBytes(5).toString('hex')}@example.com`;
  const password = randomBytes(18).toString('base64url');
  step('register a throwaway account', email);
  await ask('mutation ($email: String!, $password: String!) { register(email: $email, password: $password) { id } }', {
    email,
    password,
  });
  show('cookie', [...cookies.keys()].join(', ') || 'none');

  step('ask who I am, with that cookie');
  const { me } = await ask('{ me { user { id email } token tokenExpiresAt } }');
  if (!me) throw new Trouble('The server does not know the session that it has just opened: is PUBLIC_URL right?');
  show('user', `${me.user.email} (${me.user.id})`);
  show('token', `${me.token.slice(0, 12)}… (${me.token.length} characters, until ${me.tokenExpiresAt})`);

  step(`open the socket with that token, subscription { userCount }, wait for ${VALUES} values`);
  const { client, closed } = connect(me.token);
  try {
    await printValues(client);

    step('sign out, which ends the session and closes its sockets');
    const leftAtMs = performance.now();
    await ask('mutation { logout }');
    const { code, reason } = await within(closed, 'close of the socket');
    show('closed', `${code} ${reason} (${Math.round(performance.now() - leftAtMs)} ms after asking)`);
  } finally {
    // An open socket would keep this process.
    await client.dispose();
  }
}

async function ask(query, variables) {
  const response = await post({ query, variables });
  for (const line of response.headers.getSetCookie()) {
    const [name, value] = line.split(';')[0].split(/=(.*)/s);
    if (value === '' || /max-age=0/i.test(line)) cookies.delete(name);
    else cookies.set(name, value);
  }
  const body = await response.json().catch(() => null);
  if (!body) throw new Trouble(`${url}/graphql answered ${response.status} without JSON: is this a Sallyport server?`);
  if (body.errors) throw troubleOf(body.errors);
  return body.data;
}

async function post(body) {
  const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
  // Browsers say where a request with a cookie comes from; other programs send this header.
  const program = { 'apollo-require-preflight': 'true' };
  const headers = { 'content-type': 'application/json', ...program, ...(cookie ? { cookie } : {}) };
  try {
    return await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify(body) });
  } catch (error) {
    const cause = error.cause?.code ?? error.message;
    throw new Trouble(`Nothing answers at ${url} (${cause}). Start the server first: npm start`);
  }
}

/** The real graphql-ws client, on ws. `closed` resolves with the close event. */
function connect(token) {
  let settle;
  const closed = new Promise((resolve) => (settle = resolve));
  const client = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { token },
    lazy: false,
    retryAttempts: 0,
    onNonLazyError: () => {},
    on: { closed: settle },
  });
  return { client, closed };
}

async function printValues(client) {
  const iterator = client.iterate({ query: 'subscription { userCount }' });
  for (let seen = 0; seen < VALUES; seen += 1) {
    const { value, done } = await within(iterator.next(), 'value').catch(refused);
    if (done) throw new Trouble('The subscription ended by itself.');
    if (value.errors) throw troubleOf(value.errors);
    show('userCount', `${value.data.userCount}   at ${new Date().toLocaleTimeString('en-GB')}`);
  }
}

/** @param errors of GraphQL */
function troubleOf(errors) {
  return new Trouble(errors.map(({ message }) => message).join('\n'));
}

function refused(reason) {
  if (reason instanceof Trouble) throw reason;
  if (Array.isArray(reason)) throw troubleOf(reason);
  const what = reason?.code ? `${reason.code} ${reason.reason}` : String(reason?.message ?? reason);
  throw new Trouble(`The socket was refused or closed: ${what}`);
}

async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Trouble(`No ${what} within ${PATIENCE_MS / 1000} s.`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function step(title, detail = '') {
  console.log(`\n▸ ${title}${detail ? `: ${detail}` : ''}`);
}

function show(name, value) {
  console.log(`  ${name.padEnd(10)} ${value}`);
}
