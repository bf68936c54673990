import { Field, ID, ObjectType } from '@nestjs/graphql';
import { users } from '../database/schema.js';

/** An account's whole row. The schema says what it has. */
export type AccountRow = Readonly<typeof users.$inferSelect>;

/** What the owner of an account may see of it: the columns that are read with each request. */
export const OWN_COLUMNS = { id: users.id, email: users.email, createdAt: users.createdAt };

/** One account as its owner may see it. */
export type Account = Pick<AccountRow, keyof typeof OWN_COLUMNS>;

/** An account whose password has just been verified, with the proof: the hash it was verified against. */
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
