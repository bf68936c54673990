import { Injectable } from '@nestjs/common';
import { NotFoundError } from '../../errors/sallyport.errors.js';
import type { Account } from '../account/account.js';
import { AccountService } from '../account/account.service.js';
import { AccountChangesStore } from './account-changes.store.js';
import { SessionEndings } from './session-endings.js';

/** What operators do to accounts. Sessions that end with it are announced before a method resolves. */
@Injectable()
export class AccountChanges {
  constructor(
    private readonly accounts: AccountService,
    private readonly store: AccountChangesStore,
    private readonly endings: SessionEndings,
  ) {}

  /** @throws NotFoundError when nobody has this e-mail */
  async find(email: string): Promise<Account> {
    const account = await this.accounts.find(email);
    if (!account) throw new NotFoundError('Nobody is registered with this e-mail.');
    return account;
  }

  /**
   * Ends every session of an account and keeps it from signing in until it is enabled again.
   *
   * @returns how many sessions ended
   * @throws NotFoundError
   */
  async disable(email: string): Promise<number> {
    const { id } = await this.find(email);
    return this.#announce(await this.store.setDisabled(id, true));
  }

  /** Lets an account sign in again. @throws NotFoundError */
  async enable(email: string): Promise<void> {
    const { id } = await this.find(email);
    await this.store.setDisabled(id, false);
  }

  /** Ends every session of an account; tells how many. @throws NotFoundError */
  async endSessions(email: string): Promise<number> {
    const { id } = await this.find(email);
    return this.#announce(await this.store.endAll(id));
  }

  async #announce(ended: readonly string[]): Promise<number> {
    await this.endings.announce(ended);
    return ended.length;
  }
}
