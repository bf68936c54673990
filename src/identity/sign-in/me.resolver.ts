import { Query, Resolver, Field, ID, ObjectType } from '@nestjs/graphql';
import { Context, type GraphqlContext } from '../../live/viewer/graphql-context.js';
import { type AccountViewer, asAccount } from '../sessions/account-viewer.js';
import { RequestViewer } from '../sessions/request-viewer.js';
import { AddressRateLimit } from '../../live/rate-limit/address.rate-limit.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { TokenService } from '../../live/tokens/token.service.js';
import { User } from '../accounts/account.js';

/** The signed-in viewer, with a token for a socket. */
@ObjectType({ description: 'The signed-in account, with a token for the socket.' })
export class Me {
  @Field(() => ID, { description: 'The account’s id; clients cache this object by it.' })
  readonly id!: string;

  @Field(() => User, { description: 'The account that is signed in.' })
  readonly user!: User;

  @Field(() => String, { description: 'Send it as `token` in the payload of connection_init. Never put it in a URL.' })
  readonly token!: string;

  @Field(() => Date, { description: 'When the token expires. Open sockets stay open.' })
  readonly tokenExpiresAt!: Date;
}

/** `me`: returns a socket token for the cookie's session. */
@Resolver()
export class MeResolver {
  constructor(
    private readonly requests: RequestViewer,
    private readonly tokens: TokenService,
    private readonly rateLimit: AddressRateLimit,
    private readonly audit: AuditLog,
  ) {}

  @Query(() => Me, { nullable: true, description: 'Null for a visitor who is not signed in.' })
  async me(@Context() { viewer, client }: GraphqlContext): Promise<Me | null> {
    const account = asAccount(viewer);
    const user = account && this.requests.accountOf(account);
    if (!account || !user) return null;
    await this.#count(account, client.address);
    const { token, expiresAt } = this.tokens.sign(account);
    return { id: user.id, user, token, tokenExpiresAt: expiresAt };
  }

  #count(viewer: AccountViewer, address: string): Promise<void> {
    const entry = { viewer: viewer.id, address, by: 'owner' } as const;
    return this.audit.throttled('token-throttled', entry, () => this.rateLimit.count('token', address));
  }
}
