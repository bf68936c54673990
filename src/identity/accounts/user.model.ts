import { Field, ID, ObjectType } from '@nestjs/graphql';
import type { Account } from './account.js';

/** The account as its owner sees it. */
@ObjectType({ description: 'An account. Everybody sees only their own.' })
export class User implements Account {
  @Field(() => ID, { description: 'Never changes.' })
  readonly id!: string;

  @Field(() => String, { description: 'The e-mail in its normalised spelling.' })
  readonly email!: string;

  @Field(() => Date, { description: 'When the account was registered.' })
  readonly createdAt!: Date;
}
