import { Field, ID, ObjectType } from '@nestjs/graphql';
import { Allow, IsOptional, IsString, Length, MaxLength } from 'class-validator';
import { IsInstant } from '../../live/feeds/is-instant.js';
import { GraphQLJson } from './json.scalar.js';

/**
 * Something that happened for one person. The same class is the GraphQL type and the rule for what may be published,
 * so the two cannot drift apart.
 */
@ObjectType({ description: 'Something that happened, for you.' })
export class Notification {
  @Field(() => ID, { description: 'The publisher’s own id, or one made when it was published.' })
  @IsString()
  @Length(1, 200)
  id!: string;

  @Field(() => String, { description: 'What it is about, for programs: `order.shipped`.' })
  @IsString()
  @Length(1, 100)
  kind!: string;

  @Field(() => String, { description: 'One line for people.' })
  @IsString()
  @Length(1, 500)
  title!: string;

  @Field(() => String, { nullable: true, description: 'The text below the title.' })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  body?: string | null;

  @Field(() => GraphQLJson, { nullable: true, description: 'Whatever the page needs to show it.' })
  @Allow()
  data?: unknown;

  /** As published: ISO 8601 text. */
  @Field(() => Date, { description: 'When it happened, as the publisher says.' })
  @IsInstant()
  createdAt!: string;
}
