import { execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Browser } from './kit/browser.js';
import { freePort } from '../scripts/free-port.mjs';
import { type LiveSocket, openSocket } from '../src/testing/live-socket.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/feeds.md'), 'utf8');
const COPIED = ['src', 'drizzle', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

const folder = temporaryFolder('feeds-page');
let url: string;
let server: ReturnType<typeof spawn> | undefined;
let viewer: string;
let socket: LiveSocket;

/** Returns the page's code blocks in one language, in order. */
function blocks(language: string): string[] {
  return [...PAGE.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, name, text = '']) =>
    name === language ? [text] : [],
  );
}

/** Writes each TypeScript block to the file named before it. */
function writeFiles(): string[] {
  const files = [...PAGE.matchAll(/`(src\/feeds\/[^`]+\.ts)`:\n\n```ts\n([\s\S]*?)^```$/gm)];
  for (const [, file = '', text = ''] of files) {
    mkdirSync(dirname(join(folder.path, file)), { recursive: true });
    writeFileSync(join(folder.path, file), text);
  }
  return files.map(([, file = '']) => file);
}

/** Adds the page's line to the list, and the import that an editor would add. */
function addToModule(): void {
  const [line = '', importLine = ''] = blocks('diff').map((diff) => diff.replace(/^\+/, ''));
  const file = join(folder.path, 'src/app.module.ts');
  const text = readFileSync(file, 'utf8').replace(/^ +FeedModule\.of\(NotificationsFeed\),\n/m, `$&${line}`);
  writeFileSync(file, `${importLine}${text}`);
}

/** Returns a shell command of the page with its placeholders replaced. */
function command(start: string): string {
  const found = blocks('sh').find((block) => block.startsWith(start)) ?? '';
  return found
    .replaceAll('user:<id>', viewer)
    .replaceAll('http://localhost:3000', url)
    .replace('npm run cli --', `"${process.execPath}" dist/server/cli/main.js`)
    .trim();
}

beforeAll(async () => {
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder.path, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
  expect(writeFiles()).toHaveLength(2);
  addToModule();
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { cwd: folder.path });
  const port = String(await freePort());
  url = `http://127.0.0.1:${port}`;
  const env = { ...process.env, PORT: port, PUBLIC_URL: url, DATABASE_URL: '', REDIS_URL: '' };
  server = spawn(process.execPath, ['dist/main.js'], { cwd: folder.path, env, stdio: 'ignore' });
  await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).ok).toBe(true), {
    timeout: 60_000,
    interval: 200,
  });
  const browser = new Browser(url);
  viewer = `user:${(await browser.register()).id}`;
  socket = await openSocket(url, { token: await browser.token() });
}, 180_000);

afterAll(async () => {
  socket?.ws.terminate();
  const ended = new Promise((resolve) => server?.once('close', resolve));
  server?.kill();
  await ended;
  folder.remove();
});

it('docs/feeds.md leads to the first events when its steps are followed word for word', async () => {
  const [subscription = ''] = blocks('graphql');
  socket.subscribe('1', subscription);
  await socket.settled();
  const env = { ...process.env, PUBLIC_URL: url, DATABASE_URL: '', REDIS_URL: '' };
  await run('sh', ['-c', command('npm run cli')], { cwd: folder.path, env });
  expect((await socket.waitForNext('1')).data).toEqual({ orderStatus: { order: '1001', state: 'packed' } });
  const { stdout } = await run('sh', ['-c', command('curl')], { cwd: folder.path });
  expect(JSON.parse(stdout)).toEqual({ results: [{ cursor: expect.any(String) }] });
  expect((await socket.waitForNext('1')).data).toEqual({ orderStatus: { order: '1001', state: 'shipped' } });
});
