import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import {
  type GraphQLOutputType,
  type GraphQLSchema,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
} from 'graphql';
import { FeedRegistry } from '../../live/feeds/feed.registry.js';

/** A value that a form asks for. `required`: it may not be null. */
export type ValueShape = { readonly required: boolean } & (
  | { readonly kind: 'scalar'; readonly name: string }
  /** `value` is what is published, `name` what clients see. */
  | { readonly kind: 'enum'; readonly values: readonly { readonly name: string; readonly value: unknown }[] }
  | { readonly kind: 'list'; readonly of: ValueShape }
  /** Its fields are in {@link FeedFormsAnswer.types}, so that a type may contain itself. */
  | { readonly kind: 'object'; readonly type: string }
);

/** A field of an object. */
interface FieldShape {
  readonly name: string;
  readonly description: string | null;
  readonly shape: ValueShape;
}

/** What a form for one feed asks for. */
interface FeedForm {
  readonly topic: string;
  readonly description: string | null;
  readonly payload: ValueShape;
  /** Fields of the payload that have a default. */
  readonly defaulted: readonly string[];
}

/** The forms of all feeds, and the object types in them. */
export interface FeedFormsAnswer {
  readonly feeds: readonly FeedForm[];
  readonly types: Readonly<Record<string, readonly FieldShape[]>>;
}

/** Describes what each feed publishes, from the GraphQL schema. */
@Injectable()
export class FeedForms {
  constructor(
    private readonly feeds: FeedRegistry,
    private readonly modules: ModuleRef,
  ) {}

  /** The feeds whose topics are accepted, sorted by name. */
  all(isAllowed: (topic: string) => boolean): FeedFormsAnswer {
    const { schema } = this.modules.get(GraphQLSchemaHost, { strict: false });
    const types = new Map<string, readonly FieldShape[]>();
    const feeds = this.feeds.names.filter(isAllowed).flatMap((name) => {
      const feed = this.feeds.find(name);
      const type = feed && typeOf(schema, feed.topic.field);
      if (!feed || !type) return [];
      const description = feed.description ?? null;
      return { topic: name, description, payload: shapeOf(type, types), defaulted: feed.defaulted };
    });
    return { feeds, types: Object.fromEntries(types) };
  }
}

function typeOf(schema: GraphQLSchema, field: string): GraphQLOutputType | undefined {
  return schema.getSubscriptionType()?.getFields()[field]?.type;
}

/** Adds the object types on the way to `types`. */
function shapeOf(given: GraphQLOutputType, types: Map<string, readonly FieldShape[]>): ValueShape {
  const required = isNonNullType(given);
  const type = required ? given.ofType : given;
  if (isListType(type)) return { required, kind: 'list', of: shapeOf(type.ofType, types) };
  if (isEnumType(type)) {
    const values = type.getValues().map(({ name, value }) => ({ name, value: value as unknown }));
    return { required, kind: 'enum', values };
  }
  if (isObjectType(type)) {
    if (!types.has(type.name)) {
      types.set(type.name, []);
      const fields = Object.values(type.getFields());
      const shapes = fields.map((field) => ({
        name: field.name,
        description: field.description ?? null,
        shape: shapeOf(field.type, types),
      }));
      types.set(type.name, shapes);
    }
    return { required, kind: 'object', type: type.name };
  }
  // An interface or a union is written as JSON.
  return { required, kind: 'scalar', name: isScalarType(type) ? type.name : 'JSON' };
}
