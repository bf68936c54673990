import { execFile } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { developmentKeyFile } from '../src/identity/api-keys/development-key.js';
import { Browser } from './kit/browser.js';
import { openSocket } from '../src/testing/live-socket.js';
import { startServerProcess, type ServerProcess } from './kit/server-process.js';
import { storage } from './kit/storage.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** The files of a clone that the server needs. */
const CLONED = [
  'src',
  'test/kit',
  'drizzle',
  'schematics',
  'scripts',
  'package.json',
  'package-lock.json',
  'nest-cli.json',
  'schema.gql',
  'tsconfig.json',
  'tsconfig.build.json',
  '.oxlintrc.json',
  '.dependency-cruiser.cjs',
  '.prettierrc.json',
];
const NEST = 'node_modules/@nestjs/cli/bin/nest.js';
const PRETTIER = 'node_modules/prettier/bin/prettier.cjs';
const MADE = [
  'src/feeds/order-status/order-status.feed.ts',
  'src/feeds/order-status/order-status.model.ts',
  'src/app.module.ts',
];

const copy = temporaryFolder('clone');
let store: Awaited<ReturnType<typeof storage>>;
let server: ServerProcess | undefined;
afterAll(async () => {
  await server?.end();
  await store.remove();
  copy.remove();
});

/** Runs a program of the copy; returns what it printed to stderr. Throws its output if it fails. */
async function run(program: string, ...args: string[]): Promise<string> {
  const ran = promisify(execFile)(process.execPath, [join(copy.path, program), ...args], {
    cwd: copy.path,
    maxBuffer: 16 * 1024 * 1024,
  });
  const { stderr: printed } = await ran.catch(({ stdout, stderr }: { stdout: string; stderr: string }) => {
    throw new Error(`${program} ${args.join(' ')}\n${stdout}\n${stderr}`);
  });
  return printed;
}

beforeAll(async () => {
  store = await storage({});
  for (const name of CLONED) cpSync(join(ROOT, name), join(copy.path, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy.path, 'node_modules'));
  await run(NEST, 'generate', 'feed', 'order-status');
});

it('a feed from `npx nest generate feed` passes the checks of the project', async () => {
  await Promise.all([
    run(PRETTIER, '--check', ...MADE),
    run('node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', ...MADE),
    run('node_modules/dependency-cruiser/bin/dependency-cruise.mjs', '--config', '.dependency-cruiser.cjs', 'src'),
    run('scripts/schema.mjs', '--check'),
  ]);
});

it('a feed from `npx nest generate feed` builds with `npx nest build` and delivers what is published', async () => {
  await run(NEST, 'build');
  server = await startServerProcess({ ...store.env }, copy.path);
  const browser = new Browser(server.url);
  const { id } = await browser.register();
  const socket = await openSocket(server.url, { token: await browser.token() });
  socket.subscribe('mine', 'subscription { orderStatus { id } }');
  await socket.settled();
  const key = readFileSync(developmentKeyFile(store.env['DATA_DIR']!), 'utf8');
  const published = await fetch(`${server.url}/publish`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ events: [{ topic: 'order_status', viewer: `user:${id}`, payload: { id: '1001' } }] }),
  });
  expect([published.status, await published.text()]).toEqual([200, expect.any(String)]);
  expect(await socket.waitForNext('mine')).toEqual({ data: { orderStatus: { id: '1001' } } });
  await socket.close();
});

it.each([
  ['shop/orders', 'letters, digits, dashes and underscores, not "shop/orders"'],
  ['order-status', 'There is a feed order-status already'],
  ['session', 'The schema has a type Session already'],
  ['subscription', 'The schema has a type Subscription already'],
  ['float', 'The schema has a type Float already'],
  ['is-string', 'The class IsString would hide an import of its file'],
  ['a'.repeat(65), 'at most 64 characters'],
])('a feed named %s is refused, and nothing is written', async (name, refusal) => {
  const feeds = (): string[] => readdirSync(join(copy.path, 'src/feeds'));
  const before = feeds();
  // The Nest CLI prints the refusal and ends with 0.
  expect(await run(NEST, 'generate', 'feed', name)).toContain(refusal);
  expect(feeds()).toEqual(before);
});

it('a feed is made without schema.gql in a project that has none', async () => {
  rmSync(join(copy.path, 'schema.gql'));
  expect(await run(NEST, 'generate', 'feed', 'parcel')).toBe('');
  expect(existsSync(join(copy.path, 'src/feeds/parcel/parcel.feed.ts'))).toBe(true);
  expect(existsSync(join(copy.path, 'schema.gql'))).toBe(false);
});
