import { Field, ID, ObjectType } from '@nestjs/graphql';
import { users } from '../database/schema.js';

/** An account's whole row; see the schema. */
export type AccountRow = Readonly<typeof users.$inferSelect>;

/** The columns of an account that its owner may see; read with each request. */
export const OWN_COLUMNS = { id: users.id, email: users.email, createdAt: users.createdAt };

/** An account as its owner may see it. */
export type Account = Pick<AccountRow, keyof typeof OWN_COLUMNS>;

/** An account as operators see it. */
export type ListedAccount = Account & Pick<AccountRow, 'disabledAt'>;

/** An account whose password has just been verified, with the hash it was verified against. */
export type VerifiedAccount = Account & Pick<AccountRow, 'passwordHash'>;

/** The account as its owner sees it. */
@ObjectType({ description: 'An account. You can only see your own.' })
export class User implements Account {
  @Field(() => ID, { description: 'Never changes.' })
  readonly id!: string;

  @Field(() => String, { description: 'The normalised e-mail address.' })
  readonly email!: string;

  @Field(() => Date, { description: 'When the account was registered.' })
  readonly createdAt!: Date;
}
