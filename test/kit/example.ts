import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/free-port.mjs';
import { copyRepository, npm, pack } from './consumer/consumer.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The environment of an example's process besides its own settings; nothing else of the developer's environment is
 * passed on.
 */
const BASE = { NO_COLOR: '1', PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };

/** A folder outside the repository where examples are installed as in a clone: `examples/` below the packed packages. */
export class Workspace {
  #installs: Promise<unknown> = Promise.resolve();

  constructor(private readonly path: string) {}

  /** Packs `sallyport` and `sallyport-client` as they are published. */
  async pack(): Promise<void> {
    // Its node_modules links to the repository's: an example must not find packages there that it does not declare.
    const copy = join(this.path, 'repository');
    copyRepository(copy);
    for (const folder of [copy, join(copy, 'client')]) {
      const tarball = await pack(folder);
      renameSync(tarball, join(this.path, basename(tarball)));
    }
  }

  /**
   * Copies an example and installs exactly what its lockfile lists. Installs run one at a time, in parallel with tests.
   */
  install(name: string): Promise<Example> {
    const installed = this.#installs.then(() => this.#install(name));
    this.#installs = installed.catch(() => {});
    return installed;
  }

  /** Resolves when no install is running. */
  async settled(): Promise<void> {
    await this.#installs;
  }

  async #install(name: string): Promise<Example> {
    const folder = join(this.path, 'examples', name);
    const filter = (path: string) => !['node_modules', 'dist'].includes(basename(path));
    cpSync(join(ROOT, 'examples', name), folder, { recursive: true, filter });
    await npm(['ci', '--prefer-offline', '--no-progress'], folder);
    return new Example(folder);
  }
}

/** An installed example. */
export class Example {
  constructor(private readonly folder: string) {}

  /** Runs one of its programs and waits until it prints `Open http://…` or, for Vite, `Local: http://…`. */
  async start(command: readonly [string, ...string[]], env: Readonly<Record<string, string>>): Promise<RunningExample> {
    const port = env['PORT'] ?? String(await freePort());
    const [program, ...args] = command;
    const child = spawn(program, args, {
      cwd: this.folder,
      env: { ...BASE, ...env, PORT: port },
      stdio: ['ignore', 'pipe', 'pipe'],
      // npm starts a shell that starts the program: they are ended together, as a process group.
      detached: true,
    });
    const running = new RunningExample(child);
    await running.ready;
    return running;
  }
}

/** An example that accepts requests. */
export class RunningExample {
  readonly ready: Promise<void>;
  url = '';
  #printed = '';

  constructor(private readonly child: ChildProcess) {
    child.stderr?.on('data', (chunk: Buffer) => (this.#printed += chunk.toString()));
    this.ready = new Promise((resolve, reject) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        this.#printed += `${line}\n`;
        this.url ||= /(?:^Open|Local:) +(http:\/\/[\w.:]+)/.exec(line)?.[1] ?? '';
        if (this.url) resolve();
      });
      child.once('close', () => reject(new Error(`The example ended:\n${this.#printed}`)));
    });
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    process.kill(-this.child.pid!, 'SIGTERM');
    await closed;
  }
}
