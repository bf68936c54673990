import { Query, Resolver } from '@nestjs/graphql';
import { Context, type GraphqlContext } from '../../live/viewer/graphql-context.js';
import { asAccount } from '../sessions/account-viewer.js';
import { RequestViewer } from '../sessions/request-viewer.js';
import { AddressRateLimit } from '../../live/rate-limit/address.rate-limit.js';
import { TokenService } from '../../live/tokens/token.service.js';
import { Me } from './me.model.js';

/** `me`: from the cookie's session to the socket's token. */
@Resolver()
export class MeResolver {
  constructor(
    private readonly requests: RequestViewer,
    private readonly tokens: TokenService,
    private readonly rateLimit: AddressRateLimit,
  ) {}

  @Query(() => Me, { nullable: true, description: 'Null for a visitor who is not signed in.' })
  async me(@Context() { viewer, client }: GraphqlContext): Promise<Me | null> {
    const account = asAccount(viewer);
    const user = account && this.requests.accountOf(account);
    if (!account || !user) return null;
    await this.rateLimit.count('token', client.address);
    const { token, expiresAt } = this.tokens.sign(account);
    return { id: user.id, user, token, tokenExpiresAt: expiresAt };
  }
}
