import { randomUUID } from 'node:crypto';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { ApiKeys } from '../../src/identity/api-keys/api-keys.service.js';
import { Chromium, type OpenPage } from './chromium.js';
import { startServer, type TestServer } from './server.js';

/** Everything that an operator can be allowed. */
export const EVERY_SCOPE = ['console', 'publish', 'disconnect', 'history', 'keys'];

/** Makes a key; its name is random by default. */
export async function makeKey(
  server: TestServer,
  scopes: readonly string[] = EVERY_SCOPE,
  name: string = `key-${randomUUID()}`,
): Promise<{ readonly name: string; readonly key: string }> {
  const key = await server.app.get(ApiKeys).create(name, scopes);
  if (key === null) throw new Error(`The name ${name} is taken.`);
  return { name, key };
}

/** The console in a real browser. */
export class ConsolePage {
  readonly page: Page;

  constructor(readonly opened: OpenPage) {
    this.page = opened.page;
  }

  /** Types a key and waits for the overview. */
  async signIn(key: string): Promise<void> {
    await this.try(key);
    await this.heading('Overview');
  }

  /** Types a key. */
  async try(key: string): Promise<void> {
    await this.page.getByLabel('API key', { exact: true }).fill(key);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
  }

  /** Waits for a view's heading. */
  heading(name: string): Promise<void> {
    return this.page.getByRole('heading', { name, exact: true, level: 1 }).waitFor();
  }

  /** Goes to a view. */
  async open(name: string): Promise<void> {
    await this.page.getByRole('link', { name, exact: true }).click();
    await this.heading(name);
  }
}

/** One server, one browser, and a new profile per page. */
export interface ConsoleStage {
  readonly server: TestServer;
  /** The console in a profile of its own; the test fails if the browser's console complained. */
  visit(options?: BrowserContextOptions): Promise<ConsolePage>;
}

/** Sets the stage before the tests of this `describe`, and clears it after them. */
export function consoleStage(): ConsoleStage {
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
