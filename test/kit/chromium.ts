import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { requireNeed } from './needs.js';

const RESULTS = fileURLToPath(new URL('../../test-results/', import.meta.url));

/** An open page, its browser profile, and the errors in its console. */
export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Script errors and CSP violations. Failed requests are not included: tests cause them on purpose. */
  readonly faults: string[];
}

/** A Chromium process, one per test file. Its profiles are isolated from each other. */
export class Chromium {
  private constructor(private readonly browser: Browser) {}

  static async launch(): Promise<Chromium> {
    const isRoot = process.getuid?.() === 0;
    const browser = await chromium.launch({
      executablePath: requireNeed('chromium'),
      args: ['--enable-precise-memory-info', '--js-flags=--expose-gc', ...(isRoot ? ['--no-sandbox'] : [])],
    });
    return new Chromium(browser);
  }

  /** Opens a page in a new profile, like another user's browser. */
  async open(url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
    const context = await this.browser.newContext({ locale: 'en-GB', ...options });
    const opened = watched(await context.newPage(), context);
    await opened.page.goto(url);
    return opened;
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}

/** Opens a second tab in the same profile. */
export async function openTab({ context }: OpenPage, url: string): Promise<OpenPage> {
  const opened = watched(await context.newPage(), context);
  await opened.page.goto(url);
  return opened;
}

/** Saves a screenshot with the test results. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(RESULTS, { recursive: true });
  await page.screenshot({ path: `${RESULTS}${name}.png` });
}

function watched(page: Page, context: BrowserContext): OpenPage {
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    const isOwn = message.type() === 'error' && !/Failed to load resource|WebSocket connection to/.test(message.text());
    if (isOwn) faults.push(message.text());
  });
  return { page, context, faults };
}
