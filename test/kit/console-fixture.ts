import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { beforeAll } from 'vitest';
import { ApiKeys } from '../../src/identity/api-keys/api-keys.service.js';
import { type BrowserFixture, browserFixture } from './browser-fixture.js';
import type { OpenPage } from './chromium.js';
import type { TestServer } from './server.js';

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

/** Opens the console in a {@link browserFixture}; the server has a key. */
export function consoleFixture(): BrowserFixture<ConsolePage> {
  const fixture = browserFixture('/console', (opened) => new ConsolePage(opened));
  beforeAll(async () => void (await makeKey(fixture.server)));
  return fixture;
}
