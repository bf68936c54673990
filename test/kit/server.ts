import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadConfig } from '../../src/server/config/load-config.js';
import { createApp } from '../../src/create-app.js';
import type { Authentication } from '../../src/live/gateway/gateway.module.js';
import { Browser, newCredentials, type BrowserOptions, type Credentials } from './browser.js';
import { freePort } from '../../scripts/free-port.mjs';
import { type LiveSocket, openSocket } from '../../src/testing/live-socket.js';
import { storage } from './storage.js';

/** A server in the test's process, on a free port, with its own data. */
export interface TestServer {
  readonly url: string;
  /** For access to its providers: `app.get(TopicBus)`. */
  readonly app: NestFastifyApplication;
  /** Its configuration; use it to start a second node on the same stores. */
  readonly env: Readonly<Record<string, string>>;
  /** Returns a new browser without cookies. */
  browser(options?: BrowserOptions): Browser;
  /** Returns a new browser, signed in with a new account. */
  signedIn(name?: string, options?: BrowserOptions): Promise<SignedIn>;
  /** Shuts down as on SIGTERM and deletes its data. */
  stop(): Promise<void>;
}

/** An account and its signed-in browser. */
export interface SignedIn extends Credentials {
  readonly browser: Browser;
  /** The account's UUID. */
  readonly id: string;
  /** `user:<id>`. */
  readonly viewerId: `user:${string}`;
  /** Opens an acknowledged socket with a new token. */
  socket(): Promise<LiveSocket>;
}

/** How a test server differs from the one that `npm start` runs. */
export interface ServerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: every authenticator of the stand-alone server. */
  readonly authentication?: Authentication | undefined;
}

/**
 * Starts a server. Its environment is `env` plus test defaults: a free port, no logs, and storage, which is an embedded
 * database or, if `npm test` runs with `DATABASE_URL`, a new database on PostgreSQL. Set `DATA_DIR` or `DATABASE_URL`
 * to share storage; it is then not deleted at the end.
 */
export async function startServer({ env = {}, authentication }: ServerOptions = {}): Promise<TestServer> {
  const port = env['PORT'] ?? String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const store = await storage(env);
  const whole = {
    NODE_ENV: 'test',
    LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
    PUBLIC_URL: url,
    ...store.env,
    ...env,
    PORT: port,
  };
  const outcome = loadConfig(whole);
  if (!outcome.ok) throw new Error(outcome.faults.join('\n'));
  const app = await createApp(outcome.config, authentication);
  await app.listen(port, '127.0.0.1');
  const browser = (options?: BrowserOptions) => new Browser(url, options);
  return {
    url,
    app,
    env: whole,
    browser,
    signedIn: (name, options) => signUp(browser(options), newCredentials(name)),
    stop: async () => {
      await app.close();
      await store.remove();
    },
  };
}

async function signUp(browser: Browser, who: Credentials): Promise<SignedIn> {
  const { id } = await browser.register(who);
  const socket = async () => openSocket(browser.url, { token: await browser.token() });
  return { ...who, browser, id, viewerId: `user:${id}`, socket };
}
