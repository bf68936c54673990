import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../scripts/free-port.mjs';
import { temporaryFolder } from './temporary-folder.js';

/** A Redis server for one test file, which can be killed, frozen and emptied. */
export class RedisServer {
  #child: ChildProcess | null = null;
  readonly #folder = temporaryFolder('redis');

  private constructor(
    readonly port: number,
    private readonly more: readonly string[],
  ) {}

  /** Starts a server on a free port; an append-only file keeps its data across {@link stop} and {@link start}. */
  static async start(...more: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), more);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts the server again with its existing data. */
  async start(): Promise<void> {
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder.path];
    const keep = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--logfile', ''];
    this.#child = spawn('redis-server', [...place, ...keep, ...this.more], { stdio: 'ignore' });
    const client = this.client();
    await client.ping();
    client.disconnect();
  }

  /** Returns a new client, which waits until the server is available. */
  client(): Redis {
    const client = new Redis(this.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
    client.on('error', () => {
      // Expected: tests stop this server.
    });
    return client;
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child) return;
    const closed = once(child, 'close');
    child.kill('SIGCONT');
    child.kill(signal);
    await closed;
  }

  /** Deletes the data of the stopped server. */
  forget(): void {
    rmSync(join(this.#folder.path, 'appendonlydir'), { recursive: true, force: true });
  }

  /** Backs up the data on disk. */
  backUp(): void {
    cpSync(join(this.#folder.path, 'appendonlydir'), join(this.#folder.path, 'backup'), { recursive: true });
  }

  /** Restores the backup to the stopped server. */
  restore(): void {
    this.forget();
    cpSync(join(this.#folder.path, 'backup'), join(this.#folder.path, 'appendonlydir'), { recursive: true });
  }

  /** Freezes the process: connections stay open, but nothing is answered. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  /** Resumes the frozen process. */
  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Stops the server and deletes its files. */
  async remove(): Promise<void> {
    await this.stop();
    this.#folder.remove();
  }
}
