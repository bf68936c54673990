// This project as its users run it: built, in production mode, with all checks, real users, sessions and tokens.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../../scripts/free-port.mjs';
import { startChild, stopChild } from './child.mjs';
import { ownDatabase } from './database.mjs';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SOURCE = fileURLToPath(new URL('sallyport-source.mjs', import.meta.url));
const SEEDED_FOR_MS = 45 * 60_000;

/** One deployment: a database, keys and an origin that all its processes share. */
export class Deployment {
  #people = [];
  #seededAt = 0;
  #apiKeys = new Map();

  static async open() {
    const deployment = new Deployment();
    deployment.port = await freePort();
    deployment.database = await ownDatabase();
    const { url, dataDir } = deployment.database;
    deployment.env = {
      ...(url ? { DATABASE_URL: url } : {}),
      DATA_DIR: dataDir,
      SECRET_KEYS: randomBytes(32).toString('base64url'),
      PORT: String(deployment.port),
      PUBLIC_URL: `http://127.0.0.1:${deployment.port}`,
      THROTTLE_EXEMPT: '127.0.0.0/8,::1',
      MAX_CONNECTIONS_PER_ADDRESS: '1000000',
      TOKEN_TTL_SECONDS: '3600',
      LOG_LEVEL: 'warn',
    };
    return deployment;
  }

  async #cli(...args) {
    const env = { ...process.env, ...this.env, NODE_ENV: 'development' };
    const { stdout } = await run(process.execPath, [join(ROOT, 'dist/server/cli/main.js'), ...args], {
      cwd: ROOT,
      env,
      maxBuffer: 1 << 26,
    });
    return stdout;
  }

  /** At least `count` people with a live session and a token: `[{ viewerId, token }]`. */
  async people(count) {
    if (this.#people.length < count || Date.now() - this.#seededAt > SEEDED_FOR_MS) {
      const file = join(this.database.dataDir, 'people.json');
      await this.#cli('seed', '--users', String(count), '--out', file);
      this.#people = JSON.parse(readFileSync(file, 'utf8'));
      this.#seededAt = Date.now();
      await this.database.settle();
    }
    return this.#people.slice(0, count);
  }

  /** A key with these scopes; by default for POST /publish. */
  async apiKey(scopes = 'publish') {
    const made = this.#apiKeys.get(scopes);
    if (made) return made;
    const name = `bench-${this.#apiKeys.size}`;
    const { key } = JSON.parse(await this.#cli('api-key', 'create', name, '--allow', scopes, '--json'));
    this.#apiKeys.set(scopes, key);
    return key;
  }

  /**
   * Starts the built server.
   *
   * @param options.env more environment, such as `USER_COUNT_INTERVAL_SECONDS`
   * @param options.nodeArgs more arguments of node
   * @param options.core the core of the process
   * @param options.source with true, events can be published from inside the process; see sallyport-source.mjs
   */
  async start({ env = {}, nodeArgs = [], source = false, core = 0 } = {}) {
    const args = [...nodeArgs, source ? SOURCE : join(ROOT, 'dist/main.js')];
    // The store of a scenario is in memory unless it names another.
    const merged = { STORE: env.REDIS_URL ? 'redis' : 'memory', ...this.env, ...env };
    const child = startChild(args, { core, env: merged, cwd: ROOT, label: 'sallyport' });
    const port = Number(merged.PORT);
    const deadline = Date.now() + 30_000;
    for (;;) {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}. ${child.output()}`);
      const ready = await fetch(`http://127.0.0.1:${port}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (ready) return { child, port, stop: () => stopChild(child) };
      if (Date.now() > deadline) {
        await stopChild(child);
        throw new Error(`not ready in 30 s. ${child.output()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Drops the database. */
  close() {
    return this.database.drop();
  }
}
