import { Injectable } from '@nestjs/common';
import { BadUserInputError } from '../../errors/sallyport.errors.js';
import type { AccountViewer } from '../../viewer/viewer.js';
import { AccountService } from '../account/account.service.js';
import { CredentialService } from '../account/credential.service.js';
import { AccountChangesStore } from './account-changes.store.js';
import { SessionEndings } from './session-endings.js';
import { drawSessionSecret, sessionSecretHash } from './session-secret.js';
import { isUuid } from './session.js';

/**
 * What people do to their own account and sessions. Sessions that end with it are announced before a method resolves.
 * Every method throws UnauthenticatedError when the viewer's session has ended meanwhile, and UnavailableError.
 */
@Injectable()
export class OwnAccount {
  constructor(
    private readonly accounts: AccountService,
    private readonly credentials: CredentialService,
    private readonly store: AccountChangesStore,
    private readonly endings: SessionEndings,
  ) {}

  /** Ends one session of the viewer's own; false for any other id, unknown ones and text that is no id alike. */
  async endSession(viewer: AccountViewer, sessionId: string): Promise<boolean> {
    if (!isUuid(sessionId)) return false;
    return (await this.#announce(await this.store.endOwn(viewer, sessionId))) > 0;
  }

  /** Ends every session of the viewer but this one; tells how many. */
  async endOtherSessions(viewer: AccountViewer): Promise<number> {
    return this.#announce(await this.store.endOthers(viewer));
  }

  /**
   * Changes the password and ends every other session. This one stays, with another secret.
   *
   * @param address the client's, for the throttle
   * @returns the secret that the cookie must carry from now on
   * @throws InvalidCredentialsError; BadUserInputError naming `current` or `next`; TooManyRequestsError
   */
  async changePassword(viewer: AccountViewer, current: string, next: string, address: string): Promise<string> {
    const account = await this.credentials.confirm(viewer.userId, current, 'current', address);
    if (next === current) throw new BadUserInputError('next', 'This is your password already: choose another one.');
    const to = await this.accounts.hashNew(next, account.email, 'next');
    const secret = drawSessionSecret();
    const change = { from: account.passwordHash, to, secretHash: sessionSecretHash(secret) };
    await this.#announce(await this.store.changePassword(viewer, change));
    return secret;
  }

  /**
   * Deletes the account, with every session.
   *
   * @param address the client's, for the throttle
   * @throws InvalidCredentialsError; BadUserInputError naming `password`; TooManyRequestsError
   */
  async delete(viewer: AccountViewer, password: string, address: string): Promise<void> {
    const account = await this.credentials.confirm(viewer.userId, password, 'password', address);
    await this.#announce(await this.store.delete(viewer, account.passwordHash));
  }

  async #announce(ended: readonly string[]): Promise<number> {
    await this.endings.announce(ended);
    return ended.length;
  }
}
