import { randomUUID } from 'node:crypto';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { ApiKeys } from '../../src/identity/api-keys/api-keys.service.js';
import { Chromium, type OpenPage } from './chromium.js';
import { startServer, type TestServer } from './server.js';

/** Every scope that an API key can have. */
export const EVERY_SCOPE = ['console', 'publish', 'disconnect', 'history', 'keys'];

/** Creates a key; its name is random by default. */
export async function makeKey(
  server: TestServer,
  scopes: readonly string[] = EVERY_SCOPE,
  name: string = `key-${randomUUID()}`,
): Promise<{ readonly name: string; readonly key: string }> {
  const key = await server.app.get(ApiKeys).create(name, scopes);
  if (key === null) throw new Error(`The name ${name} is taken.`);
  return { name, key };
}

/** Page object for the console. */
export class ConsolePage {
  readonly page: Page;

  constructor(readonly opened: OpenPage) {
    this.page = opened.page;
  }

  /** Signs in with a key and waits for the overview. */
  async signIn(key: string): Promise<void> {
    await this.submitKey(key);
    await this.heading('Overview');
  }

  /** Submits a key. */
  async submitKey(key: string): Promise<void> {
    await this.page.getByLabel('API key', { exact: true }).fill(key);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
  }

  /** Waits for the heading of a view. */
  heading(name: string): Promise<void> {
    return this.page.getByRole('heading', { name, exact: true, level: 1 }).waitFor();
  }

  /** Opens a view. */
  async open(name: string): Promise<void> {
    await this.page.getByRole('link', { name, exact: true }).click();
    await this.heading(name);
  }
}

/** The fixture of a console test file: one server, one browser, and a new profile for each page. */
export interface ConsoleFixture {
  readonly server: TestServer;
  /** Opens the console in a new profile; the test fails if the page logged errors to the browser's console. */
  visit(options?: BrowserContextOptions): Promise<ConsolePage>;
}

/** Starts the fixture before the tests of the current `describe` and stops it after them. */
export function consoleFixture(): ConsoleFixture {
  let chromium: Chromium;
  let server: TestServer;
  const pages: OpenPage[] = [];

  beforeAll(async () => {
    [chromium, server] = await Promise.all([
      Chromium.launch(),
      startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } }),
    ]);
    await makeKey(server);
  });
  afterAll(async () => {
    await chromium.close();
    await server.stop();
  });
  afterEach(async () => {
    const opened = pages.splice(0);
    await Promise.all(opened.map(({ context }) => context.close()));
    expect(opened.flatMap(({ faults }) => faults)).toEqual([]);
  });
  return {
    get server() {
      return server;
    },
    visit: async (options) => {
      const opened = await chromium.open(`${server.url}/console`, options);
      pages.push(opened);
      return new ConsolePage(opened);
    },
  };
}
