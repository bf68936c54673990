import { Args, Mutation, Resolver } from '@nestjs/graphql';
import { Context, type GraphqlContext } from '../../live/viewer/graphql-context.js';
import { type Account, User } from '../accounts/account.js';
import { SignInService } from './sign-in.service.js';

/** `register`, `login` and `logout`. */
@Resolver()
export class SignInResolver {
  constructor(private readonly signIn: SignInService) {}

  @Mutation(() => User, { description: 'Creates an account and signs in. A password has 12 to 128 characters.' })
  register(
    @Args('email', { type: () => String }) email: string,
    @Args('password', { type: () => String }) password: string,
    @Args('invitation', { type: () => String, nullable: true, description: 'The code of an invitation.' })
    invitation: string | null,
    @Context() context: GraphqlContext,
  ): Promise<Account> {
    return this.signIn.register({ email, password, invitation: invitation ?? null }, context);
  }

  @Mutation(() => User, { description: 'Signs in: opens a session and sets its cookie.' })
  login(
    @Args('email', { type: () => String }) email: string,
    @Args('password', { type: () => String }) password: string,
    @Context() context: GraphqlContext,
  ): Promise<Account> {
    return this.signIn.login(email, password, context);
  }

  @Mutation(() => Boolean, { description: 'Ends this session and closes its sockets on every node. Always true.' })
  async logout(@Context() context: GraphqlContext): Promise<boolean> {
    await this.signIn.logout(context);
    return true;
  }
}
