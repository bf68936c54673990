import { expect } from 'vitest';
import type { Browser, BrowserOptions } from './browser.js';
import { EVERY_SCOPE, makeKey } from './console-fixture.js';
import type { TestServer } from './server.js';

/** A response of the console's API. */
export interface ConsoleResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown> & {
    readonly error?: { readonly code: string; readonly message: string; readonly field?: string };
    readonly sessions?: readonly { readonly id: string }[];
  };
}

/** A signed-in operator's browser. */
interface SignedInConsole {
  readonly browser: Browser;
  readonly name: string;
  readonly key: string;
  /** The response to the sign-in. */
  readonly answer: ConsoleResponse;
}

/** Calls a console endpoint: POST if there is a body, otherwise GET. */
export async function callConsole(
  browser: Browser,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<ConsoleResponse> {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await browser.fetch(`/console/api${path}`, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: { ...type, ...headers },
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: JSON.parse(text) as ConsoleResponse['body'],
  };
}

/** Creates a key with these scopes and signs a new browser in to the console with it. */
export async function signedIn(
  server: TestServer,
  scopes = EVERY_SCOPE,
  options: BrowserOptions = {},
): Promise<SignedInConsole> {
  const { name, key } = await makeKey(server, scopes);
  const browser = server.browser(options);
  const answer = await callConsole(browser, '/sign-in', { key });
  expect(answer.status).toBe(200);
  return { browser, name, key, answer };
}
