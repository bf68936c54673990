import { Args, ID, Int, Mutation, Query, Resolver, Field, ObjectType } from '@nestjs/graphql';
import { Context, type GraphqlContext } from '../../live/viewer/graphql-context.js';
import { CurrentAccount, type AccountViewer } from './account-viewer.js';
import { OwnAccount } from './account-changes.service.js';
import { SessionCookie } from './session-cookie.js';
import { SessionService } from './session.service.js';
import type { ListedSession } from './session.js';

/** One of the viewer's open sessions. */
@ObjectType({ description: 'A device or browser that is signed in.' })
export class Session implements ListedSession {
  @Field(() => ID, { description: 'A public id; it grants no access.' })
  readonly id!: string;

  @Field(() => Boolean, { description: 'Whether this is the session making the request.' })
  readonly current!: boolean;

  @Field(() => Date, { description: 'When it signed in.' })
  readonly createdAt!: Date;

  @Field(() => Date, { description: 'When the site was last used; written at most once a minute.' })
  readonly lastSeenAt!: Date;

  @Field(() => Date, { description: 'When it expires if it is not used again.' })
  readonly expiresAt!: Date;

  @Field(() => String, { nullable: true, description: 'The User-Agent header at sign-in, or null.' })
  readonly userAgent!: string | null;

  @Field(() => String, { nullable: true, description: 'The IP address that signed in.' })
  readonly ip!: string | null;
}

/** `sessions`, `revokeSession` and `revokeOtherSessions`: users list and revoke their own sessions. */
@Resolver()
export class SessionsResolver {
  constructor(
    private readonly sessions: SessionService,
    private readonly own: OwnAccount,
    private readonly cookie: SessionCookie,
  ) {}

  @Query(() => [Session], { name: 'sessions', description: 'Your valid sessions, most recently used first.' })
  async list(@CurrentAccount() viewer: AccountViewer): Promise<Session[]> {
    const listed = await this.sessions.list(viewer.userId);
    return listed.map((session) => ({ ...session, current: session.id === viewer.sessionId }));
  }

  @Mutation(() => Boolean, {
    description: 'Revokes one of your sessions on every node. False if you have no such session.',
  })
  async revokeSession(
    @CurrentAccount() viewer: AccountViewer,
    @Args('id', { type: () => ID }) id: string,
    @Context() { cookies, client }: GraphqlContext,
  ): Promise<boolean> {
    const ended = await this.own.endSession(viewer, id, client.address);
    if (ended && id === viewer.sessionId) cookies.set(this.cookie.clear());
    return ended;
  }

  @Mutation(() => Int, { description: 'Revokes all your other sessions. Returns how many.' })
  revokeOtherSessions(@CurrentAccount() viewer: AccountViewer, @Context() { client }: GraphqlContext): Promise<number> {
    return this.own.endOtherSessions(viewer, client.address);
  }
}
