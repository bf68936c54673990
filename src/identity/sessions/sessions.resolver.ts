import { Args, ID, Int, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Context, type GraphqlContext } from '../../live/viewer/graphql-context.js';
import { CurrentAccount, type AccountViewer } from './account-viewer.js';
import { OwnAccount } from './own-account.service.js';
import { SessionCookie } from './session-cookie.js';
import { SessionService } from './session.service.js';
import { Session } from './session.model.js';

/** `sessions`, `revokeSession` and `revokeOtherSessions`: people see and end their own. */
@Resolver()
export class SessionsResolver {
  constructor(
    private readonly sessions: SessionService,
    private readonly own: OwnAccount,
    private readonly cookie: SessionCookie,
  ) {}

  @Query(() => [Session], { name: 'sessions', description: 'Your live sessions, most recently used first.' })
  async list(@CurrentAccount() viewer: AccountViewer): Promise<Session[]> {
    const listed = await this.sessions.list(viewer.userId);
    return listed.map((session) => ({ ...session, current: session.id === viewer.sessionId }));
  }

  @Mutation(() => Boolean, {
    description: 'Ends one of your sessions on every node. False if you have no such session.',
  })
  async revokeSession(
    @CurrentAccount() viewer: AccountViewer,
    @Args('id', { type: () => ID }) id: string,
    @Context() { cookies }: GraphqlContext,
  ): Promise<boolean> {
    const ended = await this.own.endSession(viewer, id);
    if (ended && id === viewer.sessionId) cookies.set(this.cookie.clear());
    return ended;
  }

  @Mutation(() => Int, { description: 'Ends all your other sessions. Returns how many.' })
  revokeOtherSessions(@CurrentAccount() viewer: AccountViewer): Promise<number> {
    return this.own.endOtherSessions(viewer);
  }
}
