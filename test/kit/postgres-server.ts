import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { promisify } from 'node:util';
import pg from 'pg';
import { vi } from 'vitest';
import { freePort } from '../../scripts/free-port.mjs';
import { postgresPrograms, unprivileged } from '../../scripts/test-services.mjs';
import { temporaryFolder } from './temporary-folder.js';

/** A PostgreSQL server for one test file, which can be killed, failed over to a standby and made read-only. */
export class PostgresServer {
  #child: ChildProcess | null = null;

  private constructor(
    private readonly folder: { readonly path: string; remove(): void },
    readonly port: number,
    private readonly settings: readonly string[],
  ) {}

  /** Starts a server on a free port. Its data survive {@link stop} and {@link start}. */
  static async start(...settings: string[]): Promise<PostgresServer> {
    const server = await PostgresServer.#prepare(settings);
    const options = ['-U', 'postgres', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'];
    await server.#call('initdb', '-D', server.#data, ...options);
    await server.start();
    return server;
  }

  /** Starts an asynchronous standby of the server at a URL. */
  static async standbyOf(url: string): Promise<PostgresServer> {
    const server = await PostgresServer.#prepare([]);
    const { hostname, port } = new URL(url);
    const from = ['-h', hostname, '-p', port, '-U', 'postgres'];
    await server.#call('pg_basebackup', ...from, '-D', server.#data, '-R', '-X', 'stream', '--no-sync', '-c', 'fast');
    await server.start();
    return server;
  }

  static async #prepare(settings: readonly string[]): Promise<PostgresServer> {
    const folder = temporaryFolder('postgres');
    const { uid, gid } = unprivileged();
    if (uid !== undefined && gid !== undefined) chownSync(folder.path, uid, gid);
    return new PostgresServer(folder, await freePort(), settings);
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  get #data(): string {
    return join(this.folder.path, 'data');
  }

  /** Starts the server again with its existing data and waits until it accepts connections. */
  async start(): Promise<void> {
    const settings = ['max_connections=60', 'shared_buffers=32MB', `unix_socket_directories=${this.folder.path}`];
    const flags = [...settings, ...this.settings].flatMap((setting) => ['-c', setting]);
    const args = ['-D', this.#data, '-h', '127.0.0.1', '-p', String(this.port), ...flags];
    this.#child = spawn(this.#program('postgres'), args, { ...unprivileged(), cwd: this.folder.path, stdio: 'ignore' });
    await vi.waitFor(() => this.query('select 1'), { timeout: 30_000, interval: 50 });
  }

  /** Runs a statement on a new connection. */
  async query(text: string): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: this.url });
    client.on('error', () => {
      // Expected: tests stop this server.
    });
    await client.connect();
    try {
      return await client.query(text);
    } finally {
      await client.end();
    }
  }

  /** Stops the server at once, without a checkpoint, as after a power failure. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child) return;
    const closed = once(child, 'close');
    child.kill('SIGQUIT');
    await closed;
  }

  /** Promotes a standby to primary. */
  async promote(): Promise<void> {
    // A standby that loses its primary at the same moment may miss the request.
    for (let tries = 0; tries < 10; tries++) {
      const { rows } = await this.query('select pg_promote(true, 3) as promoted');
      if ((rows[0] as { promoted: boolean }).promoted) return;
    }
    throw new Error('The standby was not promoted within 30 s.');
  }

  /** Stops the server and deletes its data. */
  async remove(): Promise<void> {
    await this.stop();
    this.folder.remove();
  }

  #program(name: string): string {
    const folder = postgresPrograms();
    if (!folder) throw new Error('PostgreSQL is not installed: install it to run this file.');
    return join(folder, name);
  }

  /** Runs asynchronously, since the program may connect through a proxy in this process. */
  async #call(name: string, ...args: string[]): Promise<void> {
    await promisify(execFile)(this.#program(name), args, { ...unprivileged(), cwd: this.folder.path });
  }
}
