import { Field, ID, ObjectType } from '@nestjs/graphql';
import { Allow, IsOptional, IsString, Length, MaxLength } from 'class-validator';
import { IsInstant } from '../../live/feeds/payload-check.js';
import { GraphQLScalarType } from 'graphql';

/** `JSON`: a value that is delivered as it was published. It is used for output only, so parsing is not needed. */
const GraphQLJson = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  description: 'Any JSON value.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
});

/**
 * A notification for one viewer. The same class defines the GraphQL type and what may be published, so that the two
 * cannot diverge.
 */
@ObjectType({ description: 'Something that happened and concerns you.' })
export class Notification {
  @Field(() => ID, { description: 'The publisher’s id, or one generated on publishing.' })
  @IsString()
  @Length(1, 200)
  id!: string;

  @Field(() => String, { description: 'Machine-readable kind, such as `order.shipped`.' })
  @IsString()
  @Length(1, 100)
  kind!: string;

  @Field(() => String, { description: 'A one-line title for display.' })
  @IsString()
  @Length(1, 500)
  title!: string;

  @Field(() => String, { nullable: true, description: 'The text below the title.' })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  body?: string | null;

  @Field(() => GraphQLJson, { nullable: true, description: 'Data for the page that shows it.' })
  @Allow()
  data?: unknown;

  /** As published: ISO 8601 text. */
  @Field(() => Date, { description: 'When it happened, according to the publisher.' })
  @IsInstant()
  createdAt!: string;
}
