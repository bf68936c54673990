import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModuleRef } from '@nestjs/core';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { DatabaseConfig } from '../../identity/identity.config.js';
import type { SharedStoreHealth } from '../../live/store/store-health.js';
import { VERSION } from '../version.js';
import { CliSocket } from './cli-socket.service.js';
import { cliSocketPath } from './cli-socket.js';

const MAX_COMMANDS = 4;
const requestOf = (...args: string[]) => `${JSON.stringify({ version: VERSION, args, answers: [] })}\n`;

let dataDir: string;
let service: CliSocket;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'sallyport-cli-'));
  const config = { url: null, dataDir } as DatabaseConfig;
  const health = { state: null } as SharedStoreHealth;
  service = new CliSocket({} as ModuleRef, health, config, pino({ enabled: false }));
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
