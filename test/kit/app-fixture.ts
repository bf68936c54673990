import { AppPage } from './app-page.js';
import { type BrowserFixture, browserFixture } from './browser-fixture.js';

/** Opens the app in a {@link browserFixture}. @param env passed to the server */
export function appFixture(env: Readonly<Record<string, string>> = {}): BrowserFixture<AppPage> {
  return browserFixture('', (opened) => new AppPage(opened), env);
}
