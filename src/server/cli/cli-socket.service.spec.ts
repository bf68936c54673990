import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModuleRef } from '@nestjs/core';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { DatabaseConfig } from '../../identity/identity.config.js';
import type { SharedStoreHealth } from '../../live/store/store-health.js';
import { VERSION } from '../version.js';
import { CliSocket } from './cli-socket.service.js';
import { cliSocketPath, MAX_REQUEST_BYTES } from './cli-socket.js';

const MAX_COMMANDS = 4;
const requestOf = (...args: string[]) => `${JSON.stringify({ version: VERSION, args, answers: [] })}\n`;

/** What the command `audit` reads; answers only when the test lets it. */
let answer: () => void;
const newest = vi.fn(() => new Promise<never[]>((resolve) => (answer = () => resolve([]))));
const modules = { get: () => ({ newest }) } as unknown as ModuleRef;

let dataDir: string;
let service: CliSocket;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'sallyport-cli-'));
  const config = { url: null, dataDir } as DatabaseConfig;
  const health = { state: null } as SharedStoreHealth;
  service = new CliSocket(modules, health, config, pino({ enabled: false }));
  await service.onApplicationBootstrap();
});
afterEach(async () => {
  await service.beforeApplicationShutdown();
  rmSync(dataDir, { recursive: true });
});

async function open(): Promise<Socket> {
  const socket = connect(cliSocketPath(dataDir)).on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Sends a command and returns what the server answered until it closed the connection. */
async function run(...args: string[]): Promise<string> {
  const socket = await open();
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  socket.write(requestOf('--version', ...args));
  await once(socket, 'close');
  return received;
}

it('runs commands again when the connections are closed because of which others were refused', async () => {
  const idle = await Promise.all(Array.from({ length: MAX_COMMANDS }, open));
  const refused = await Promise.all(Array.from({ length: MAX_COMMANDS + 1 }, () => run()));
  for (const answer of refused) expect(answer).toMatch(/4 commands already.*\n\{"code":1\}\n$/);
  for (const socket of idle) socket.destroy();
  await expect.poll(() => run(), { timeout: 5_000 }).toContain('{"code":0}');
});

it('runs a command with as many arguments as there are webhooks in a list', async () => {
  expect(await run(...Array.from({ length: 1_000 }, () => randomUUID()))).toContain('{"code":0}');
});

it('refuses a request as soon as it has too many bytes', async () => {
  const socket = await open();
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  socket.write('€'.repeat(MAX_REQUEST_BYTES / 2));
  await once(socket, 'close');
  expect(received).toContain('did not understand');
});

it('starts no command while it waits for others at its shutdown', async () => {
  const [first, second] = [await open(), await open()];
  first.write(requestOf('audit'));
  let received = '';
  second.on('data', (chunk: Buffer) => (received += chunk.toString()));
  await vi.waitFor(() => expect(newest).toHaveBeenCalled());
  const ended = service.beforeApplicationShutdown();
  second.write(requestOf('--version'));
  await once(second, 'close');
  answer();
  await ended;
  expect(received).toContain('The server is stopping');
});
