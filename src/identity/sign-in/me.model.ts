import { Field, ID, ObjectType } from '@nestjs/graphql';
import { User } from '../accounts/account.js';

/** The signed-in viewer, with the token for a socket. */
@ObjectType({ description: 'The signed-in user, with a token for the WebSocket.' })
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
