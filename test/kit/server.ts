import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadConfig } from '../../src/server/config/load-config.js';
import { createApp } from '../../src/create-app.js';
import type { Authentication } from '../../src/live/gateway/gateway.module.js';
import { Browser, someone, type BrowserOptions, type Credentials } from './browser.js';
import { freePort } from '../../scripts/free-port.mjs';
import { type LiveSocket, openSocket } from '../../src/testing/live-socket.js';
import { storage } from './storage.js';

/** A server inside the test's own process, on a free port, with rows of its own. */
export interface TestServer {
  readonly url: string;
  /** For looking inside: `app.get(TopicBus)`. */
  readonly app: NestFastifyApplication;
  /** What it was configured with: start a second node on the same stores with it. */
  readonly env: Readonly<Record<string, string>>;
  /** A new browser, without cookies. */
  browser(options?: BrowserOptions): Browser;
  /** A new browser in which somebody new is signed in. */
  signedIn(name?: string, options?: BrowserOptions): Promise<SignedIn>;
  /** Shuts down as SIGTERM does, and throws its rows away. */
  stop(): Promise<void>;
}

/** Somebody, and the browser they are signed in with. */
export interface SignedIn extends Credentials {
  readonly browser: Browser;
  /** The account's UUID. */
  readonly id: string;
  /** `user:<id>`. */
  readonly viewerId: `user:${string}`;
  /** An acknowledged socket of theirs, with a new token. */
  socket(): Promise<LiveSocket>;
}

/** How a server differs from the one that `npm start` runs. */
export interface ServerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: every authenticator of the stand-alone server. */
  readonly authentication?: Authentication | undefined;
}

/**
 * Starts a server. `env` is its whole environment beside what tests set: a free port, silence, and storage:
 * embedded by default, a database of its own on PostgreSQL when `npm test` runs with `DATABASE_URL`.
 * Give `DATA_DIR` or `DATABASE_URL` to share storage; it is then left alone at the end.
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
    signedIn: (name, options) => signUp(browser(options), someone(name)),
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
