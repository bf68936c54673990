// `npm run cluster -- [--port N] [--proxy caddy|nginx]`: what docker-compose.yml runs, from installed programs and
// without Docker: two nodes, PostgreSQL, Redis and a balancer in front. Ctrl-C stops everything, a second one at once.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ROOT } from './build-step.mjs';
import { build } from './build.mjs';
import { PROXIES, startProxy } from './cluster-proxy.mjs';
import { firstFreePort, freePort, isFree } from './free-port.mjs';
import { findPostgres, findProgram, findRedis } from './test-services.mjs';

const NODES = ['node-1', 'node-2'];
const READY_WITHIN_MS = 90_000;
/** A node drains within 10 s, and finishes its requests within 10 more. */
const STOP_WITHIN_MS = 25_000;
const RESTART_AFTER_MS = 1_000;
/** A node that ends sooner than this, so often in a row, is not started again. */
const SOON_MS = 10_000;
const MAX_SOON = 5;

process.chdir(ROOT);

let stopping = null;
/** What to stop, in the order in which it was started. */
const running = [];
const children = new Set();

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (stopping) for (const child of children) child.kill('SIGKILL');
    else void stop(0);
  });
}

const starting = start();
starting.catch((error) => {
  if (!stopping) console.error(`cluster: ${error instanceof Error ? error.message : error}`);
  void stop(1);
});

async function start() {
  const { values } = parseArgs({ options: { port: { type: 'string' }, proxy: { type: 'string' } } });
  const proxy = chooseProxy(values.proxy);
  const port = await choosePort(values.port);
  await build();
  if (stopping) return;
  console.log('starting PostgreSQL and Redis, then the nodes');
  const [postgres, redis] = await stores();
  if (stopping) return;
  const secretKeys = keepSecretKeys();
  const env = {
    ...process.env,
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    // Two nodes cannot share one; each serves its metrics itself.
    METRICS_PORT: '',
    PUBLIC_URL: `http://localhost:${port}`,
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    SECRET_KEYS: secretKeys,
    TRUSTED_PROXIES: '127.0.0.1',
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
  };
  const nodes = await Promise.all(NODES.map((name) => startNode(name, env)));
  await startBalancer(proxy, port, nodes);
  if (stopping) return;
  tell(port, proxy, nodes, { postgres, redis }, secretKeys);
}

/** A file, so that the CLI can sign with the same key and none is printed. */
function keepSecretKeys() {
  const file = join(ownFolder(), 'secret-keys');
  writeFileSync(file, randomBytes(48).toString('base64'));
  return `@${file}`;
}

/** A folder that only this user can enter, and that is removed at the end. */
function ownFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-cluster-'));
  running.push(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function chooseProxy(asked) {
  const wanted = asked === undefined ? PROXIES : [asked];
  const name = wanted.find((each) => PROXIES.includes(each) && findProgram(each));
  if (name) return { name, program: findProgram(name) };
  throw new Error(`${wanted.join(' and ')} cannot be used: install caddy or nginx, and choose one with --proxy.`);
}

async function choosePort(asked) {
  if (asked === undefined) return firstFreePort(8080);
  const port = Number(asked);
  if (!/^\d+$/.test(asked) || port < 1 || port > 65_535) throw new Error('--port takes a number up to 65535.');
  if (!(await isFree(port))) throw new Error(`port ${port} is taken: stop what listens there, or take another.`);
  return port;
}

async function stores() {
  const found = await Promise.allSettled([findPostgres(), findRedis()]);
  for (const { value } of found) if (value) running.push(value.stop);
  const failed = found.find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
  const missing = ['PostgreSQL', 'Redis'].filter((_, index) => !found[index].value);
  if (missing.length > 0) throw new Error(`${missing.join(' and ')} missing: install it, or set its URL.`);
  return found.map(({ value }) => value);
}

/** Starts a node on a free port, and again whenever it ends, as `restart: unless-stopped` does. */
async function startNode(name, env) {
  const port = await freePort();
  const node = { name, port, url: `http://127.0.0.1:${port}`, child: null };
  let soon = 0;
  const run = () => {
    const startedAtMs = performance.now();
    node.child = child(process.execPath, ['--enable-source-maps', 'dist/main.js'], { ...env, PORT: String(port) });
    node.child.once('exit', (code, signal) => {
      if (stopping) return;
      soon = performance.now() - startedAtMs < SOON_MS ? soon + 1 : 0;
      console.error(`${name} ended (${signal ?? code})${soon < MAX_SOON ? ' and is started again' : ''}`);
      if (soon < MAX_SOON) setTimeout(() => !stopping && run(), RESTART_AFTER_MS);
      else void stop(1);
    });
  };
  if (stopping) return node;
  run();
  running.push(() => end(() => node.child));
  await ready(`${node.url}/readyz`, name);
  return node;
}

async function startBalancer({ name, program }, port, nodes) {
  if (stopping) return;
  const folder = ownFolder();
  const { args, env } = startProxy(name, folder, port, nodes);
  const balancer = child(program, args, { ...process.env, ...env });
  balancer.once('exit', (code, signal) => {
    if (stopping) return;
    console.error(`${name} ended (${signal ?? code})`);
    void stop(1);
  });
  running.push(() => end(() => balancer));
  await ready(`http://127.0.0.1:${port}/healthz`, name);
}

/** A child in a process group of its own, so that Ctrl-C in the terminal does not reach it before us. */
function child(program, args, env) {
  const started = spawn(program, args, { env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  children.add(started);
  started.once('error', (error) => !stopping && (console.error(`cluster: ${error.message}`), void stop(1)));
  started.once('exit', () => children.delete(started));
  return started;
}

/** Waits until a URL answers with success. */
async function ready(url, name) {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    if (stopping) return;
    const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) }).catch(() => null);
    await answer?.arrayBuffer().catch(() => null);
    if (answer?.ok) return;
    if (performance.now() > deadline) throw new Error(`${name} does not answer at ${url}.`);
    await delay(100);
  }
}

async function end(which) {
  const ending = which();
  if (!children.has(ending)) return;
  const kill = setTimeout(() => ending.kill('SIGKILL'), STOP_WITHIN_MS);
  await new Promise((resolve) => {
    ending.once('exit', resolve);
    ending.kill('SIGTERM');
  });
  clearTimeout(kill);
}

/** Stops the balancer, then the nodes, then the stores. What is being started is waited for, so that none is left. */
function stop(code) {
  return (stopping ??= (async () => {
    process.exitCode = code;
    await starting.catch(() => {});
    for (const each of running.reverse()) await each();
  })());
}

function tell(port, proxy, nodes, services, secretKeys) {
  const lines = [
    ['app', `http://localhost:${port}/`],
    ['balancer', proxy.name],
    ...nodes.map(({ name, url, child: { pid } }) => [name, `${url}  pid ${pid}`]),
    ...Object.entries(services).map(([name, { origin }]) => [name, origin]),
  ];
  console.log(['The cluster is open', ...lines.map(([name, text]) => `  ${name.padEnd(9)} ${text}`)].join('\n'));
  const { postgres, redis } = services;
  // A URL that was given may contain a password, and is in the environment.
  const urls = Object.entries({ DATABASE_URL: postgres, REDIS_URL: redis })
    .filter(([, { origin }]) => origin.startsWith('started'))
    .map(([name, { url }]) => `${name}=${url}`);
  const settings = [...urls, `PUBLIC_URL=http://localhost:${port}`, `SECRET_KEYS=${secretKeys}`].join(' ');
  console.log(`  CLI       ${settings} npm run cli -- …`);
  console.log('Ctrl-C stops everything.');
}
