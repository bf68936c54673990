import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runByServer } from './cli-socket.client.js';

let dataDir: string;
let server: Server | undefined;
let written: string[];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'sallyport-cli-'));
  written = [];
});
afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(dataDir, { recursive: true });
});

const output = { out: (text: string) => void written.push(text), error: (text: string) => void written.push(text) };

/** A server that answers each request in this way. */
async function answering(answer: (socket: Socket) => void): Promise<void> {
  server = createServer((socket) => socket.on('error', () => {}).once('data', () => answer(socket)));
  server.listen(join(dataDir, 'cli.sock'));
  await once(server, 'listening');
}

const reading = new AbortController().signal;
const run = (silentAfterMs?: number, signal = reading) =>
  runByServer(dataDir, { args: ['user', 'list'], answers: [] }, output, signal, silentAfterMs);

it('returns null where no server listens: without a socket, with another file, and with a socket that is left', async () => {
  expect(await run()).toBeNull();
  writeFileSync(join(dataDir, 'cli.sock'), '');
  expect(await run()).toBeNull();
  rmSync(join(dataDir, 'cli.sock'));
  expect(await runByServer('/nowhere', { args: [], answers: [] }, output, reading)).toBeNull();
});

it('writes what the server sends as it comes, and returns the exit code', async () => {
  await answering((socket) => socket.end('{"out":"one"}\n\n{"error":"two"}\n{"code":3}\n'));
  expect(await run()).toBe(3);
  expect(written).toEqual(['one', 'two']);
});

it.each([
  ['ends without an exit code', (socket: Socket) => void socket.end('{"out":"half"}\n')],
  ['breaks the connection', (socket: Socket) => void socket.destroy()],
  ['sends nothing for too long', () => {}],
])('says that the server stopped or hung if it %s', async (_, answer) => {
  await answering(answer);
  await expect(run(200)).rejects.toThrow('The server stopped or hung before the command ended');
});

it('leaves the server when nobody reads the output any more, with exit code 1', async () => {
  const unread = new AbortController();
  let left: Promise<unknown> | undefined;
  await answering((socket) => {
    left = once(socket, 'close');
    unread.abort();
  });
  expect(await run(undefined, unread.signal)).toBe(1);
  await left;
});

it.each(['nonsense', '{"code":"0"}', '{"code":256}', '{"out":1}', '{}'])('refuses the answer %s', async (line) => {
  await answering((socket) => socket.end(`${line}\n`));
  await expect(run()).rejects.toThrow('The server sent an unexpected reply');
});
