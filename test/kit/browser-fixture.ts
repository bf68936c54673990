import type { BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { Chromium, type OpenPage } from './chromium.js';
import { startServer, type TestServer } from './server.js';

/**
 * The fixture of a browser test file: one server whose worker publishes nothing, one browser, and a new profile for
 * each page.
 */
export interface BrowserFixture<Page> {
  readonly server: TestServer;
  /**
   * Opens a page in a new profile. It is closed after the test, which fails if the page logged errors to the console.
   */
  visit(options?: BrowserContextOptions): Promise<Page>;
}

/**
 * Starts the fixture before the tests of the current `describe` and stops it after them.
 *
 * @param path of the pages that are opened
 * @param toPage the page object of an open page
 * @param env passed to the server
 */
export function browserFixture<Page>(
  path: string,
  toPage: (opened: OpenPage) => Page,
  env: Readonly<Record<string, string>> = {},
): BrowserFixture<Page> {
  let chromium: Chromium;
  let server: TestServer;
  const pages: OpenPage[] = [];

  beforeAll(async () => {
    const quiet = { USER_COUNT_INTERVAL_SECONDS: '3600', ...env };
    [chromium, server] = await Promise.all([Chromium.launch(), startServer({ env: quiet })]);
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
      const opened = await chromium.open(`${server.url}${path}`, options);
      pages.push(opened);
      return toPage(opened);
    },
  };
}
