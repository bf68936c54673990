import { Field, ID, ObjectType } from '@nestjs/graphql';
import { Allow, IsOptional, IsString, Length, MaxLength } from 'class-validator';
import { IsInstant } from '../../live/feeds/payload-check.js';
import { GraphQLScalarType } from 'graphql';

/** `JSON`: a value that passes through as it was published. It is an output only, so there is nothing to parse. */
const GraphQLJson = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  description: 'Any JSON value.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
});

/**
 * Something that happened for one person. The same class is the GraphQL type and the rule for what may be published,
 * so the two cannot drift apart.
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
