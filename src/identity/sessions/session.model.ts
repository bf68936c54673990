import { Field, ID, ObjectType } from '@nestjs/graphql';
import type { ListedSession } from './session.js';

/** One of the viewer's live sessions. */
@ObjectType({ description: 'A device or browser that is signed in.' })
export class Session implements ListedSession {
  @Field(() => ID, { description: 'A public id: it opens nothing.' })
  readonly id!: string;

  @Field(() => Boolean, { description: 'Whether it is the one that asks.' })
  readonly current!: boolean;

  @Field(() => Date, { description: 'When it signed in.' })
  readonly createdAt!: Date;

  @Field(() => Date, { description: 'When the site was last used; written at most once a minute.' })
  readonly lastSeenAt!: Date;

  @Field(() => Date, { description: 'When it ends if nobody uses it any more.' })
  readonly expiresAt!: Date;

  @Field(() => String, { nullable: true, description: 'The User-Agent header of the sign-in; null when none came.' })
  readonly userAgent!: string | null;

  @Field(() => String, { nullable: true, description: 'The address that signed in.' })
  readonly ip!: string | null;
}
