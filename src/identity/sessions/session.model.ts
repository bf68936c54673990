import { Field, ID, ObjectType } from '@nestjs/graphql';
import type { ListedSession } from './session.js';

/** One of the viewer's live sessions. */
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
