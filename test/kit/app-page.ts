import type { APIResponse, Page } from 'playwright-core';
import { newCredentials, type Credentials } from './browser.js';
import type { OpenPage } from './chromium.js';

/** Page object for the app. */
export class AppPage {
  readonly page: Page;

  constructor(readonly opened: OpenPage) {
    this.page = opened.page;
  }

  /** Creates an account and waits until the page is live. */
  async register(who: Credentials = newCredentials()): Promise<Credentials> {
    await this.page.getByRole('button', { name: 'Create account' }).click();
    await this.fill(who);
    await this.page.getByRole('button', { name: 'Create account' }).click();
    await this.state('Live');
    return who;
  }

  async signIn(who: Credentials): Promise<void> {
    await this.fill(who);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
  }

  async fill({ email, password }: Credentials): Promise<void> {
    await this.page.getByLabel('E-mail').fill(email);
    await this.page.getByLabel('Password', { exact: true }).fill(password);
  }

  signOut(): Promise<void> {
    return this.page.getByRole('button', { name: 'Sign out', exact: true }).click();
  }

  /** Waits until the connection state matches. */
  state(words: string | RegExp): Promise<void> {
    return this.page.locator('.connection').filter({ hasText: words }).waitFor();
  }

  /** Waits until the count has this value. */
  count(value: number): Promise<void> {
    return this.page
      .getByTestId('count')
      .filter({ hasText: new RegExp(`^${value}$`) })
      .waitFor();
  }

  /** Waits until the notification is shown. */
  notification(title: string): Promise<void> {
    return this.page.locator('.row').filter({ hasText: title }).waitFor();
  }

  /** Waits until the page shows the sign-in form. */
  signInForm(): Promise<void> {
    return this.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  }

  open(view: 'Live' | 'Sessions' | 'Account'): Promise<void> {
    return this.page.getByRole('link', { name: view }).click();
  }

  /** Sends a GraphQL request with the page's cookies, outside the page. */
  query(query: string, variables: Readonly<Record<string, unknown>> = {}): Promise<APIResponse> {
    const { origin } = new URL(this.page.url());
    return this.page.request.post(`${origin}/graphql`, { data: { query, variables }, headers: { origin } });
  }

  /** Returns all text on the page. */
  text(): Promise<string> {
    return this.page.locator('body').innerText();
  }
}
