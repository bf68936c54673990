import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Logger } from 'pino';
import { DATABASE_CONFIG, type DatabaseConfig } from '../../identity/identity.config.js';
import { LOGGER } from '../../live/logging/logger.js';
import { within } from '../../live/deadline.js';
import { SharedStoreHealth } from '../../live/store/store-health.js';
import { HEARTBEAT_MS, type CliReply, CliRequest, cliSocketPath, MAX_REQUEST_BYTES } from './cli-socket.js';
import type { CliContext, Stores } from './command.js';
import { VERSION } from '../version.js';
import { runCommand } from './program.js';

/** The most commands at once. */
const MAX_COMMANDS = 4;
/** How long a client may take to send its request, in ms. */
const REQUEST_WITHIN_MS = 5_000;
/** The most output that may wait for a client that does not read, in bytes. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** How long a shutdown waits for running commands, in ms. */
const FINISH_WITHIN_MS = 5_000;

/**
 * Runs the CLI's commands inside this server while it has the embedded database open, which no other process can use.
 * Listens on a Unix domain socket in `DATA_DIR`, never on the network. The socket has mode 0600: who can connect can
 * read the database's files as well. With PostgreSQL it does nothing, because the CLI then opens the database itself.
 */
@Injectable()
export class CliSocket implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #open = new Set<Socket>();
  readonly #running = new Set<Promise<void>>();
  /** Aborted at shutdown, for commands that keep running. */
  readonly #leaving = new AbortController();
  /** Any provider of the server, as the CLI's own context would give it. */
  readonly #stores: Stores = { get: (token: never) => this.modules.get(token, { strict: false }) };
  #server: Server | null = null;

  constructor(
    private readonly modules: ModuleRef,
    private readonly shared: SharedStoreHealth,
    @Inject(DATABASE_CONFIG) private readonly config: DatabaseConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.config.url !== null || process.platform === 'win32') return;
    try {
      this.#server = await this.#listen();
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
      const path = cliSocketPath(this.config.dataDir);
      this.logger.warn({ reason, path }, 'the CLI cannot be used while this server runs: its socket cannot be made');
    }
  }

  /** Lets running commands finish, before the database is closed. */
  async beforeApplicationShutdown(): Promise<void> {
    if (this.#server === null) return;
    this.#server.close();
    this.#leaving.abort();
    rmSync(cliSocketPath(this.config.dataDir), { force: true });
    await within(FINISH_WITHIN_MS, Promise.all(this.#running), undefined);
    for (const socket of this.#open) socket.destroy();
  }

  /**
   * The socket is made in a folder that only we can enter, and moved when it has its mode, so that nobody can connect
   * before. One that a killed server left is replaced; the database's lock is ours, so no other server uses it.
   */
  async #listen(): Promise<Server> {
    const { dataDir } = this.config;
    const folder = mkdtempSync(join(dataDir, '.cli-'));
    try {
      const server = createServer((socket) => this.#accept(socket));
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(join(folder, 's'), resolve);
      });
      server.on('error', (error) => this.logger.warn({ err: error }, "the CLI's socket failed"));
      chmodSync(join(folder, 's'), 0o600);
      renameSync(join(folder, 's'), cliSocketPath(dataDir));
      return server;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #accept(socket: Socket): void {
    this.#open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#open.delete(socket));
    const busy = `The server runs ${MAX_COMMANDS} commands already: try again in a moment.`;
    if (this.#open.size > MAX_COMMANDS) {
      // Unread, its request would keep the socket from closing.
      socket.resume();
      refuse(socket, busy);
      return;
    }
    readRequest(socket, (request) => {
      // Nobody would wait for it before the database is closed.
      if (this.#leaving.signal.aborted) {
        refuse(socket, 'The server is stopping: try again when it has.');
        return;
      }
      // Commands go on when their client leaves, so they are counted by themselves as well.
      if (this.#running.size >= MAX_COMMANDS) {
        refuse(socket, busy);
        return;
      }
      const running = this.#run(socket, request).finally(() => this.#running.delete(running));
      this.#running.add(running);
    });
  }

  async #run(socket: Socket, { args, answers }: CliRequest): Promise<void> {
    const beat = setInterval(() => socket.write('\n'), HEARTBEAT_MS);
    const left = [...answers];
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    const context: Omit<CliContext, 'print'> = {
      withStores: (action, { alone = false } = {}) => {
        if (alone) throw new Error('Another process uses the embedded database: stop it first.');
        const { state } = this.shared;
        return action(this.#stores, { nodesUnreachable: state !== null && state !== 'ok' });
      },
      signal: AbortSignal.any([gone.signal, this.#leaving.signal]),
      ask: async () => left.shift() ?? '',
    };
    const output = {
      out: (text: string) => send(socket, { out: text }),
      error: (text: string) => send(socket, { error: text }),
    };
    try {
      finish(socket, await runCommand(args, context, output));
    } finally {
      clearInterval(beat);
    }
  }
}

/** Calls `then` with a valid request. Anything else is answered with an error, and so is silence. */
function readRequest(socket: Socket, then: (request: CliRequest) => void): void {
  let received = '';
  let bytes = 0;
  const tooLate = setTimeout(() => socket.destroy(), REQUEST_WITHIN_MS);
  socket.once('close', () => clearTimeout(tooLate));
  socket.setEncoding('utf8');
  const read = (chunk: string): void => {
    received += chunk;
    bytes += Buffer.byteLength(chunk);
    const end = received.indexOf('\n');
    if (end < 0 && bytes <= MAX_REQUEST_BYTES) return;
    clearTimeout(tooLate);
    socket.off('data', read);
    // Nothing else is expected; what comes is dropped.
    socket.resume();
    const request = end < 0 ? null : requestIn(received.slice(0, end));
    if (request === null) refuse(socket, 'The server did not understand the command.');
    else if (request.version === VERSION) then(request);
    else
      refuse(
        socket,
        `The server has version ${VERSION}, this CLI ${request.version}: restart the server to upgrade it.`,
      );
  };
  socket.on('data', read);
}

function requestIn(line: string): CliRequest | null {
  try {
    const parsed = CliRequest.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function send(socket: Socket, reply: CliReply): void {
  if (socket.destroyed) return;
  socket.write(`${JSON.stringify(reply)}\n`);
  if (socket.writableLength > MAX_WAITING_BYTES) socket.destroy();
}

function finish(socket: Socket, code: number): void {
  if (!socket.destroyed) socket.end(`${JSON.stringify({ code } satisfies CliReply)}\n`);
}

function refuse(socket: Socket, reason: string): void {
  send(socket, { error: `sallyport: ${reason}\n` });
  finish(socket, 1);
}
