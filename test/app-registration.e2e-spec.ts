import { describe, expect, it } from 'vitest';
import { Invitations } from '../src/identity/accounts/invitations.js';
import { appStage } from './kit/app-stage.js';
import { someone } from './kit/browser.js';
import { needs } from './kit/needs.js';

needs('chromium')("the app's registration form", () => {
  describe('where REGISTRATION is invite', () => {
    const stage = appStage({ REGISTRATION: 'invite' });

    it('asks for an invitation, says when it is invalid, and creates an account with a valid one', async () => {
      const { page, ...app } = await stage.visit();
      const who = someone();
      await page.getByRole('button', { name: 'Create account' }).click();
      await page.getByLabel('E-mail').fill(who.email);
      await page.getByLabel('Password', { exact: true }).fill(who.password);
      await page.getByLabel('Invitation').fill('not a code');
      await page.getByRole('button', { name: 'Create account' }).click();
      await page.getByText('Registration needs an invitation').waitFor();
      const { code } = await stage.server.app.get(Invitations, { strict: false }).create(1);
      await page.getByLabel('Invitation').fill(code);
      await page.getByRole('button', { name: 'Create account' }).click();
      await page.locator('.connection').filter({ hasText: 'Live' }).waitFor();
      expect(app.opened.faults).toEqual([]);
    });
  });

  describe('where REGISTRATION is closed', () => {
    const stage = appStage({ REGISTRATION: 'closed' });

    it('does not offer registration', async () => {
      const { page } = await stage.visit();
      await page.getByText('The administrators of this site create accounts.').waitFor();
      expect(await page.getByRole('button', { name: 'Create account' }).count()).toBe(0);
    });
  });
});
