import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { message, startChild, stopChild } from '../lib/child.mjs';
import { Loader } from '../lib/loader.mjs';

const PEER = fileURLToPath(new URL('../peers/nest-session.mjs', import.meta.url));
const CONNECTIONS = 32;
const QUERY = JSON.stringify({ query: '{ me { user { id email createdAt } token tokenExpiresAt } }' });

const cookieOf = (answer) =>
  answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');

async function startPeer(database) {
  const child = startChild([PEER], { core: 0, env: { DATABASE_URL: database.url }, label: 'nest-session' });
  const { port } = await message(child, ({ port }) => port);
  const login = () => fetch(`http://127.0.0.1:${port}/login`, { method: 'POST' });
  return { child, port, login, stop: () => stopChild(child) };
}

async function startOwn(deployment) {
  const { child, port, stop } = await deployment.start();
  const query = 'mutation($email: String!, $password: String!) { register(email: $email, password: $password) { id } }';
  const login = () => {
    const variables = {
      email: `${randomBytes(8).toString('hex')}@example.com`,
      password: randomBytes(18).toString('hex'),
    };
    const headers = { 'content-type': 'application/json', origin: `http://127.0.0.1:${port}` };
    return fetch(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query, variables }),
    });
  };
  return { child, port, login, stop };
}

function requestOf(port, cookie) {
  const lines = [
    'POST /graphql HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    `Origin: http://127.0.0.1:${port}`,
    `Cookie: ${cookie}`,
    'Content-Type: application/json',
    `Content-Length: ${QUERY.length}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${QUERY}`;
}

async function measure(bench, name) {
  const database = name === 'nest-session' ? await bench.database() : null;
  const server = database ? await startPeer(database) : await startOwn(await bench.deployment());
  const loader = new Loader();
  try {
    const requests = [];
    for (let i = 0; i < CONNECTIONS; i++) {
      const answer = await server.login();
      const cookie = cookieOf(answer);
      if (!cookie) throw new Error(`no cookie: ${answer.status} ${await answer.text()}`);
      requests.push(requestOf(server.port, cookie));
    }
    const one = await loader.command('httpRate', {
      pid: server.child.pid,
      port: server.port,
      requests,
      warmupSeconds: bench.quick ? 1 : 3,
      seconds: bench.quick ? 2 : 5,
      expect: '"token":"',
    });
    return { perSecond: one.perSecond, micros: (one.serverCpuSeconds / one.requests) * 1e6 };
  } finally {
    await loader.stop();
    await server.stop();
    await database?.drop();
  }
}

/** `me`: cookie → session → user → token, each connection as a different user. PostgreSQL only. */
export default {
  name: 'me',
  title: '`me` over HTTP: cookie, session, user, token',
  async run(bench) {
    const deployment = await bench.deployment();
    if (!deployment.database.url) {
      bench.log('  skipped: no PostgreSQL answers; set BENCH_DATABASE_URL');
      return [];
    }
    const figures = await bench.interleaved(['nest-session', 'sallyport'], (name) => measure(bench, name));
    return [
      {
        id: 'me',
        title: '`me` (cookie → session → user → token) on PostgreSQL, 32 connections',
        unit: 'requests/s',
        base: 'nest-session',
        higherIsBetter: true,
        values: figures.perSecond,
        targets: [{ server: 'sallyport', atLeast: 1.5, against: 'nest-session' }],
        chart: true,
      },
      { id: 'me-cpu', title: 'Server CPU per `me`', unit: 'µs', base: 'nest-session', values: figures.micros },
    ];
  },
};
