import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../scripts/free-port.mjs';
import { temporaryFolder } from './temporary-folder.js';

/** A Redis of one test file's own, to be killed, frozen and emptied. */
export class RedisServer {
  #child: ChildProcess | null = null;
  readonly #folder = temporaryFolder('redis');

  private constructor(
    readonly port: number,
    private readonly more: readonly string[],
  ) {}

  /** Starts one on a free port; its data survive {@link stop} and {@link start} in an append-only file. */
  static async start(...more: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), more);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts the program again, with the data that it left. */
  async start(): Promise<void> {
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder.path];
    const keep = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--logfile', ''];
    this.#child = spawn('redis-server', [...place, ...keep, ...this.more], { stdio: 'ignore' });
    const client = this.client();
    await client.ping();
    client.disconnect();
  }

  /** A client of the test's own, which waits until the server is there. */
  client(): Redis {
    const client = new Redis(this.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
    client.on('error', () => {
      // It is meant to be away at times.
    });
    return client;
  }

  /** Ends the program. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child) return;
    const closed = once(child, 'close');
    child.kill('SIGCONT');
    child.kill(signal);
    await closed;
  }

  /** Removes the data that a stopped program left. */
  forget(): void {
    rmSync(join(this.#folder.path, 'appendonlydir'), { recursive: true, force: true });
  }

  /** Keeps a copy of the data as they are on disk now, as a backup does. */
  backUp(): void {
    cpSync(join(this.#folder.path, 'appendonlydir'), join(this.#folder.path, 'backup'), { recursive: true });
  }

  /** Puts the copy in the place of what a stopped program left. */
  restore(): void {
    this.forget();
    cpSync(join(this.#folder.path, 'backup'), join(this.#folder.path, 'appendonlydir'), { recursive: true });
  }

  /** Freezes the program: it keeps its connections and answers nothing. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  /** Lets a frozen program go on where it was. */
  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends the program and removes what it wrote. */
  async remove(): Promise<void> {
    await this.stop();
    this.#folder.remove();
  }
}
