import { describe, expect, it } from 'vitest';
import { Invitations } from '../src/identity/accounts/invitations.js';
import { appFixture } from './kit/app-fixture.js';
import { newCredentials } from './kit/browser.js';
import { needs } from './kit/needs.js';

needs('chromium')("the app's registration form", () => {
  describe('where REGISTRATION is invite', () => {
    const fixture = appFixture({ REGISTRATION: 'invite' });

    it('asks for an invitation, says when it is invalid, and creates an account with a valid one', async () => {
      const { page, ...app } = await fixture.visit();
      const who = newCredentials();
      await page.getByRole('button', { name: 'Create account' }).click();
      await page.getByLabel('E-mail').fill(who.email);
      await page.getByLabel('Password', { exact: true }).fill(who.password);
      await page.getByLabel('Invitation').fill('not a code');
      await page.getByRole('button', { name: 'Create account' }).click();
      await page.getByText('Registration needs an invitation').waitFor();
      const { code } = await fixture.server.app.get(Invitations, { strict: false }).create(1);
      await page.getByLabel('Invitation').fill(code);
      await page.getByRole('button', { name: 'Create account' }).click();
      await page.locator('.connection').filter({ hasText: 'Live' }).waitFor();
      expect(app.opened.faults).toEqual([]);
    });
  });

  describe('where REGISTRATION is closed', () => {
    const fixture = appFixture({ REGISTRATION: 'closed' });

    it('does not offer registration', async () => {
      const { page } = await fixture.visit();
      await page.getByText('The operators of this site create accounts.').waitFor();
      expect(await page.getByRole('button', { name: 'Create account' }).count()).toBe(0);
    });
  });
});
