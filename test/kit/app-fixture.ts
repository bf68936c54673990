import type { BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { AppPage } from './app-page.js';
import { Chromium } from './chromium.js';
import { startServer, type TestServer } from './server.js';

/**
 * The fixture of a browser test file: one server whose worker publishes nothing, one browser, and a new profile for
 * each page.
 */
export interface AppFixture {
  readonly server: TestServer;
  /**
   * Opens the app in a new profile. It is closed after the test, which fails if the page logged errors to the console.
   */
  visit(options?: BrowserContextOptions): Promise<AppPage>;
}

/**
 * Starts the fixture before the tests of the current `describe` and stops it after them. `env` is passed to the server.
 */
export function appFixture(env: Readonly<Record<string, string>> = {}): AppFixture {
  let chromium: Chromium;
  let server: TestServer;
  const pages: AppPage[] = [];

  beforeAll(async () => {
    const quiet = { USER_COUNT_INTERVAL_SECONDS: '3600', ...env };
    [chromium, server] = await Promise.all([Chromium.launch(), startServer({ env: quiet })]);
  });

  afterAll(async () => {
    await chromium.close();
    await server.stop();
  });

  afterEach(async () => {
    const opened = pages.splice(0).map((page) => page.opened);
    await Promise.all(opened.map(({ context }) => context.close()));
    expect(opened.flatMap(({ faults }) => faults)).toEqual([]);
  });

  return {
    get server() {
      return server;
    },
    visit: async (options) => {
      const app = new AppPage(await chromium.open(server.url, options));
      pages.push(app);
      return app;
    },
  };
}
