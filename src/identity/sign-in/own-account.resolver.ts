import { Args, Mutation, Resolver } from '@nestjs/graphql';
import { OwnerTopics } from '../../live/feeds/owner-topics.js';
import { Context, type GraphqlContext } from '../../live/viewer/graphql-context.js';
import { CurrentAccount, type AccountViewer } from '../sessions/account-viewer.js';
import { OwnAccount } from '../sessions/account-changes.service.js';
import { RequestViewer } from '../sessions/request-viewer.js';
import { SignInCookies } from './sign-in-cookies.js';

/** `changePassword` and `deleteAccount`: these require the password again. */
@Resolver()
export class OwnAccountResolver {
  constructor(
    private readonly own: OwnAccount,
    private readonly signInCookies: SignInCookies,
    private readonly topics: OwnerTopics,
    private readonly requests: RequestViewer,
  ) {}

  @Mutation(() => Boolean, { description: 'Changes your password and ends all your other sessions. Always true.' })
  async changePassword(
    @CurrentAccount() viewer: AccountViewer,
    @Args('current', { type: () => String }) current: string,
    @Args('next', { type: () => String }) next: string,
    @Context() { client, cookies }: GraphqlContext,
  ): Promise<boolean> {
    const secret = await this.own.changePassword(viewer, current, next, client.address);
    this.signInCookies.renewed(cookies, secret);
    return true;
  }

  @Mutation(() => Boolean, { description: 'Deletes your account and ends all your sessions. Always true.' })
  async deleteAccount(
    @CurrentAccount() viewer: AccountViewer,
    @Args('password', { type: () => String }) password: string,
    @Context() { client, cookies }: GraphqlContext,
  ): Promise<boolean> {
    await this.own.delete(viewer, password, client.address);
    await this.topics.forget(viewer.id);
    this.signInCookies.deleted(cookies, this.requests.accountOf(viewer)?.email ?? '');
    return true;
  }
}
