import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../scripts/free-port.mjs';
import { CloseCode } from '../src/protocol/close-code.js';
import { openSocket } from '../src/testing/live-socket.js';
import { Consumer, copyRepository, pack } from './kit/consumer/consumer.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/module.md'), 'utf8');
/** The steps of the page, without the later sections. */
const STEPS = PAGE.split('\n## ').find((section) => section.startsWith('From `nest new`')) ?? '';

const folder = temporaryFolder('module-page');
let app: Consumer;
let url: string;
const running: ReturnType<typeof spawn>[] = [];

/** Returns every file that the page says to write, with its text. */
function files(): [name: string, text: string][] {
  const found = [...STEPS.matchAll(/`((?:src\/)?[\w.-]+\.m?[jt]s)`[^`]*?:?\n\n( *)```\w+\n([\s\S]*?)^ *```$/gm)];
  return found.map(([, name = '', indent = '', text = '']) => [
    name,
    text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  ]);
}

/** Returns the packages that the page installs: `sallyport` from here, and the GraphQL packages it names for Nest 11. */
function installed(tarball: string): string[] {
  const [, names = ''] = /npm install (sallyport .*)$/m.exec(STEPS) ?? [];
  const [, types = ''] = /npm install --save-dev (.*)$/m.exec(STEPS) ?? [];
  const versions: Record<string, string> = { sallyport: tarball };
  for (const [, name = '', version = ''] of STEPS.matchAll(/(@nestjs\/\w+)@(\d+)/g))
    versions[name] = `${name}@${version}`;
  return [...names.split(' '), ...types.split(' ')].map((name) => versions[name] ?? name);
}

/** Starts a program in the app's folder; resolves when it has printed `until`. */
async function started(args: string[], env: Record<string, string>, until: string): Promise<AsyncIterator<Buffer>> {
  const child = spawn(process.execPath, args, { cwd: app.folder, env: { ...process.env, ...env } });
  running.push(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const output = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  while (!said.includes(until)) {
    const { done, value } = await output.next();
    if (done) throw new Error(`${args.join(' ')} has ended:\n${said}`);
    said += value.toString();
  }
  return output;
}

beforeAll(async () => {
  const repository = join(folder.path, 'repository');
  mkdirSync(repository);
  copyRepository(repository);
  const tarball = await pack(repository);
  const nest = join(ROOT, 'node_modules/.bin/nest');
  await run(nest, ['new', 'live-app', '--package-manager', 'npm', '--skip-install', '--skip-git'], {
    cwd: folder.path,
  });
  app = new Consumer(join(folder.path, 'live-app'), null);
  await app.install(...installed(tarball));
});
afterAll(async () => {
  for (const child of running) {
    if (child.exitCode !== null) continue;
    child.kill();
    await once(child, 'close');
  }
  folder.remove();
});

it('docs/module.md leads from nest new to a live value, word for word', async () => {
  const written = files();
  expect(written.map(([name]) => name)).toEqual([
    'src/order-status.feed.ts',
    'src/sessions.ts',
    'src/app.module.ts',
    'src/app.controller.ts',
    'src/main.ts',
    'watch.mjs',
  ]);
  for (const [name, text] of written) {
    mkdirSync(dirname(join(app.folder, name)), { recursive: true });
    app.write(name, text);
  }
  await run('npx', ['nest', 'build'], { cwd: app.folder });
  const port = String(await freePort());
  url = `http://localhost:${port}`;
  await started(['dist/main.js'], { PORT: port }, 'successfully started');
  const watching = await started(['watch.mjs'], { SERVER: url }, 'connected');
  const [, body = ''] = /curl -X POST .*orders\/1001\/ship .*-d '(.*)'/.exec(STEPS) ?? [];
  const ship = async (order: string, to: string): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}/orders/${order}/ship`, { method: 'POST', headers, body: to });
    return answer.json();
  };
  // The subscription starts after the ack: an order that ships earlier is missed.
  let seen = '';
  void (async () => {
    for (;;) {
      const { done, value } = await watching.next();
      if (done) return;
      seen += value.toString();
    }
  })();
  await expect
    .poll(async () => {
      await ship('1001', body);
      return seen;
    })
    .toContain("{ order: '1001', state: 'shipped' }");
  expect(await ship('1002', JSON.stringify({ user: 'bob' }))).toHaveProperty('cursor');
  await ship('1003', body);
  await expect.poll(() => seen).toContain('1003');
  expect(seen).not.toContain('1002');
});

it('a login of docs/module.md over another session has an id of its own, and ends that session', async () => {
  const login = async (user: string, cookie = ''): Promise<string> => {
    const headers = { 'content-type': 'application/json', cookie };
    const answer = await fetch(`${url}/login`, { method: 'POST', headers, body: JSON.stringify({ user }) });
    return answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  };
  const cookie = await login('ada');
  const { token } = (await (await fetch(`${url}/live-token`, { headers: { cookie } })).json()) as { token: string };
  const socket = await openSocket(url, { token });
  expect(await login('bob', cookie)).toMatch(/^connect\.sid=/);
  expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
  expect((await fetch(`${url}/live-token`, { headers: { cookie } })).status).toBe(401);
});
