import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** The files that `npm pack` reads. `dist` and its stamps are included only to avoid another build. */
const PACKED_FROM = [
  'LICENSE',
  'README.md',
  'client',
  'dist',
  'package-lock.json',
  'package.json',
  'scripts',
  'src',
  'tsconfig.build.json',
  'tsconfig.json',
];
const RUN_WITHIN_MS = 60_000;

const run = promisify(execFile);

/** Runs npm as from a shell, without the `npm_*` variables of the npm that runs the tests. */
export async function npm(args: readonly string[], cwd: string): Promise<void> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(?:package|lifecycle|command|config_local_prefix)/.test(name),
    ),
  );
  await run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd, env });
}

/**
 * Copies the repository: `npm pack` changes package.json temporarily, and other tests read that file.
 *
 * @param folder an empty folder
 */
export function copyRepository(folder: string): void {
  for (const name of PACKED_FROM.filter((one) => existsSync(join(ROOT, one))))
    cpSync(join(ROOT, name), join(folder, name), {
      recursive: true,
      filter: (file) => !file.endsWith('/node_modules'),
    });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}

/** Packs the package in a folder and returns the tarball's path. */
export async function pack(folder: string): Promise<string> {
  await npm(['pack'], folder);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (!tarball) throw new Error(`npm pack left no tarball in ${folder}.`);
  return join(folder, tarball);
}

/** Runs a program from this repository's devDependencies in a folder; returns its output, even if it fails. */
export async function runTool(
  cwd: string,
  program: string,
  ...args: readonly string[]
): Promise<{ readonly ok: boolean; readonly output: string }> {
  try {
    const { stdout } = await run(join(ROOT, 'node_modules/.bin', program), args, { cwd, maxBuffer: 2 ** 24 });
    return { ok: true, output: stdout };
  } catch (error) {
    const { stdout = '', message } = error as Error & { stdout?: string };
    return { ok: false, output: `${stdout}\n${message}` };
  }
}

/** A user's project in its own folder. */
export class Consumer {
  #running: ChildProcess | undefined;

  /**
   * @param folder an empty or missing folder
   * @param manifest the content of package.json; null if the project exists already
   */
  constructor(
    readonly folder: string,
    manifest: object | null = {},
  ) {
    mkdirSync(folder, { recursive: true });
    if (manifest) this.write('package.json', JSON.stringify({ name: 'consumer', private: true, ...manifest }));
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  async install(...what: readonly string[]): Promise<void> {
    await npm(['install', '--prefer-offline', '--no-progress', ...what], this.folder);
  }

  /**
   * Compiles with `tsconfig.json`, including the declarations of packages.
   *
   * @returns the errors of tsc in this project and in Sallyport's packages. Nest's own types have errors when rarely
   *   installed packages, such as ts-morph, are missing
   */
  async compile(): Promise<readonly string[]> {
    const { output } = await runTool(this.folder, 'tsc', '-p', '.', '--pretty', 'false');
    return output.split('\n').filter((line) => /error TS\d+/.test(line) && !/^node_modules\/(?!sallyport)/.test(line));
  }

  /** Runs a script until it exits and returns its output. */
  async run(script: string): Promise<string> {
    const { stdout } = await run(process.execPath, [script], { cwd: this.folder, timeout: RUN_WITHIN_MS });
    return stdout.trim();
  }

  /** Starts a long-running script; the returned function gives its output, line by line. */
  start(script: string, env: Readonly<Record<string, string>> = {}): () => Promise<string> {
    const child = spawn(process.execPath, [script], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#running = child;
    let complaints = '';
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return async () => {
      const { done, value } = await lines.next();
      if (done) throw new Error(`${script} has ended:\n${complaints}`);
      return value;
    };
  }

  /** Stops the process of {@link start}. */
  async stop(): Promise<void> {
    const child = this.#running;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    await closed;
  }

  /** Lists the installed packages, and their size on disk in megabytes. */
  installed(): { readonly packages: readonly string[]; readonly megabytes: number } {
    const lock = JSON.parse(this.read('node_modules/.package-lock.json')) as { packages: Record<string, unknown> };
    const packages = Object.keys(lock.packages).map((path) => path.split('node_modules/').at(-1) ?? path);
    return { packages, megabytes: Math.round(bytesOf(join(this.folder, 'node_modules')) / 1e5) / 10 };
  }
}

function bytesOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    if (entry.isSymbolicLink()) return sum;
    const path = join(folder, entry.name);
    return sum + (entry.isDirectory() ? bytesOf(path) : statSync(path).blocks * 512);
  }, 0);
}
